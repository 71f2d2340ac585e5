use axum::body::{Body, to_bytes};
use axum::routing::{any, get, post};
use http::Method;
use http::header::ALLOW;
use model::{Error, ErrorKind};
use serde_json::Value;
use tower::ServiceExt;

use super::*;
use crate::{Json, Path};

const KINDS: [(&str, ErrorKind); 9] = [
    ("invalid", ErrorKind::Invalid),
    ("unauthenticated", ErrorKind::Unauthenticated),
    ("forbidden", ErrorKind::Forbidden),
    ("not_found", ErrorKind::NotFound),
    ("conflict", ErrorKind::Conflict),
    ("exhausted", ErrorKind::Exhausted),
    ("timeout", ErrorKind::Timeout),
    ("unavailable", ErrorKind::Unavailable),
    ("internal", ErrorKind::Internal),
];

async fn fail(Path(name): Path<String>) -> Result<(), Problem> {
    let known = KINDS.iter().find(|(known, _)| *known == name);
    let kind = known.map_or(ErrorKind::Internal, |(_, kind)| *kind);
    Err(Error::new(kind, "some_code", "do this").into())
}

fn routes() -> Router {
    Router::new()
        .route("/fail/{kind}", get(fail))
        .route(
            "/things",
            get(|| async { Json("<list>") }).post(|| async {}),
        )
        .route("/empty", post(|| async { StatusCode::CREATED }))
        .route("/any", any(|| async { "any" }))
}

async fn ask(router: &Router, method: Method, uri: &str) -> (Response, String) {
    let request = Request::builder().method(method).uri(uri);
    let request = request.body(Body::empty()).unwrap();
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, 4096).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    (Response::from_parts(parts, Body::empty()), text)
}

fn header(response: &Response, name: http::HeaderName) -> &str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn every_kind_has_its_status_and_a_problem_body_on_both_styles() {
    for (router, statuses) in [
        (api(routes()), [400, 401, 403, 404, 409, 429, 504, 503, 500]),
        (
            legacy(routes(), Legacy::THINGS),
            [400, 403, 403, 404, 422, 429, 503, 503, 500],
        ),
        (
            legacy(routes(), Legacy::USERS),
            [400, 403, 403, 404, 409, 429, 503, 503, 500],
        ),
    ] {
        for ((name, _), status) in KINDS.iter().zip(statuses) {
            let (response, body) = ask(&router, Method::GET, &format!("/fail/{name}")).await;
            assert_eq!(response.status().as_u16(), status, "{name}");
            assert_eq!(header(&response, CONTENT_TYPE), "application/problem+json");
            let body: Value = serde_json::from_str(&body).unwrap();
            assert_eq!(body["status"], status);
            assert_eq!(body["code"], "some_code");
            assert_eq!(body["detail"], "do this");
            assert_eq!(body["title"], response.status().canonical_reason().unwrap());
            assert_eq!(body["type"], "about:blank");
        }
    }
}

#[tokio::test]
async fn strays_are_404_in_plain_text_on_old_routes() {
    let router = legacy(routes(), Legacy::USERS);
    for (method, path) in [
        (Method::GET, "/nothing"),
        (Method::DELETE, "/things"),
        (Method::GET, "/"),
    ] {
        let (response, body) = ask(&router, method, path).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(header(&response, CONTENT_TYPE), "text/plain; charset=utf-8");
        assert_eq!(body, "404 page not found\n");
    }
}

#[tokio::test]
async fn slashes_at_the_end_are_redirected_away_and_never_to_another_host() {
    let router = legacy(routes(), Legacy::USERS);
    for (path, location) in [
        ("/things/", "/things"),
        ("/things//?a=b/", "/things?a=b/"),
        ("//evil.example/", "/evil.example"),
    ] {
        let (response, _) = ask(&router, Method::POST, path).await;
        assert_eq!(response.status(), StatusCode::FOUND, "{path}");
        assert_eq!(header(&response, LOCATION), location, "{path}");
    }
}

#[tokio::test]
async fn strays_are_problems_on_new_routes() {
    let router = api(routes());
    let (response, body) = ask(&router, Method::GET, "/nothing/").await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(body.contains("no_such_path"), "{body}");
    let (response, body) = ask(&router, Method::DELETE, "/things").await;
    assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(header(&response, ALLOW), "GET,HEAD,POST");
    assert!(body.contains("method_not_allowed"), "{body}");
}

#[tokio::test]
async fn merged_routers_keep_their_own_habits() {
    let other = Router::new().route("/new/{kind}", get(fail));
    let router = legacy(routes(), Legacy::THINGS).merge(api(other));
    let (old, _) = ask(&router, Method::GET, "/fail/unauthenticated").await;
    let (new, _) = ask(&router, Method::GET, "/new/unauthenticated").await;
    assert_eq!((old.status().as_u16(), new.status().as_u16()), (403, 401));
    assert_eq!(header(&new, http::header::WWW_AUTHENTICATE), "Bearer");
}

#[tokio::test]
async fn successes_have_the_habits_of_their_service() {
    let router = legacy(routes(), Legacy::USERS);
    let (response, body) = ask(&router, Method::GET, "/things").await;
    assert_eq!(header(&response, CONTENT_TYPE), "application/json");
    assert_eq!(body, "\"\\u003clist\\u003e\"\n");
    let (response, body) = ask(&router, Method::HEAD, "/things").await;
    assert_eq!((response.status(), body.as_str()), (StatusCode::OK, ""));
    let (response, _) = ask(&router, Method::POST, "/empty").await;
    assert_eq!(header(&response, CONTENT_TYPE), "application/json");
    let (response, _) = ask(&router, Method::POST, "/any").await;
    assert_eq!(header(&response, CONTENT_TYPE), "text/plain; charset=utf-8");

    let adapter = legacy(routes(), Legacy::ADAPTER);
    let (response, _) = ask(&adapter, Method::POST, "/empty").await;
    assert!(!response.headers().contains_key(CONTENT_TYPE));
}

#[tokio::test]
async fn a_parameter_that_is_no_utf8_is_400() {
    let router = legacy(routes(), Legacy::USERS);
    let (response, body) = ask(&router, Method::GET, "/fail/%ff").await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert!(body.contains("path_malformed"), "{body}");
}
