// Run by the tests. Publishes over HTTPS, with a client certificate or with the thing's key.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

final class PublishHttp {
    public static void main(String[] arguments) throws Exception {
        String url = System.getenv("HTTP_URL") + "/channels/" + System.getenv("CHANNEL") + "/messages";
        var request = HttpRequest.newBuilder(URI.create(url))
            .timeout(Duration.ofSeconds(10))
            .POST(HttpRequest.BodyPublishers.ofString(Tls.PAYLOAD));
        if (System.getenv("KEY") != null) {
            request.header("Authorization", "Thing " + System.getenv("KEY"));
        }
        HttpClient client = HttpClient.newBuilder().sslContext(Tls.context()).build();
        var reply = client.send(request.build(), HttpResponse.BodyHandlers.ofString());
        if (reply.statusCode() != 202) {
            throw new IllegalStateException("refused with " + reply.statusCode() + ": " + reply.body());
        }
        System.out.println("published");
    }
}
