// Run by the tests. Publishes over a secure WebSocket and prints what comes back.
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

final class EchoWebSocket {
    public static void main(String[] arguments) throws Exception {
        var received = new CompletableFuture<String>();
        var listener = new WebSocket.Listener() {
            private final StringBuilder text = new StringBuilder();

            @Override
            public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean last) {
                text.append(part);
                if (last) {
                    received.complete(text.toString());
                }
                return WebSocket.Listener.super.onText(socket, part, last);
            }
        };
        String url = System.getenv("WS_URL") + "/channels/" + System.getenv("CHANNEL") + "/messages";
        var builder = HttpClient.newBuilder().sslContext(Tls.context()).build().newWebSocketBuilder();
        if (System.getenv("KEY") != null) {
            builder.header("Authorization", "Thing " + System.getenv("KEY"));
        }
        WebSocket socket = builder.buildAsync(URI.create(url), listener).get(10, TimeUnit.SECONDS);
        socket.sendText(Tls.PAYLOAD, true);
        System.out.println("received " + received.get(10, TimeUnit.SECONDS));
        socket.sendClose(WebSocket.NORMAL_CLOSURE, "").get(10, TimeUnit.SECONDS);
    }
}
