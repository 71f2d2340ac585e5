use crate::{ALICE, JSON, NOBODY, Site};

#[tokio::test]
async fn unknown_paths_and_methods_are_404_text() {
    let site = Site::new().await;
    for (method, path) in [
        ("GET", "/nothing"),
        ("POST", "/things/x"),
        ("PATCH", "/things"),
        ("GET", "/things/x/y"),
        ("GET", "/things/bulk"),
        ("GET", "/connect"),
        ("DELETE", "/channels"),
        ("OPTIONS", "/things"),
    ] {
        let answer = site.send(method, ALICE, path, JSON, "{}").await;
        let got = (answer.status.as_u16(), answer.body.as_str());
        assert_eq!(got, (404, "404 page not found\n"), "{method} {path}");
    }
}

#[tokio::test]
async fn an_empty_segment_is_400_where_a_route_has_a_parameter() {
    let site = Site::new().await;
    for (method, path) in [
        ("GET", "/things/".to_owned()),
        ("PUT", "/things/".to_owned()),
        ("DELETE", "/things/".to_owned()),
        ("PATCH", "/things//key".to_owned()),
        ("GET", "/things//channels".to_owned()),
        ("GET", "/things//certs".to_owned()),
        ("GET", "/channels/".to_owned()),
        ("PUT", "/channels/".to_owned()),
        ("DELETE", "/channels/".to_owned()),
        ("GET", "/channels//things".to_owned()),
        ("PUT", format!("/channels//things/{NOBODY}")),
        ("PUT", format!("/channels/{NOBODY}/things/")),
        ("DELETE", "/channels//things/".to_owned()),
    ] {
        let body = r#"{"key":"k"}"#;
        let answer = site.json(method, ALICE, &path, body).await;
        assert_eq!(answer.status, 400, "{method} {path}");
        assert_eq!(answer.json()["code"], "id_missing", "{method} {path}");
        assert_eq!(site.json(method, "", &path, body).await.status, 403);
    }
}

#[tokio::test]
async fn a_slash_too_many_is_redirected() {
    let site = Site::new().await;
    for (method, path, location) in [
        ("POST", "/things/", "/things"),
        ("POST", "/channels/?a=b", "/channels?a=b"),
        ("GET", "/nothing/", "/nothing"),
    ] {
        let answer = site.json(method, ALICE, path, "{}").await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (302, location)
        );
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let site = Site::new().await;
    let answer = site.send("HEAD", ALICE, "/things", "", "").await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ""));
}
