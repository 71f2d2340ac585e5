// Not run by the tests, for want of io.nats:jnats:2.20.5. A backend that takes each message of all channels from NATS, over mutual TLS.
//
// `protoc -I proto/mainflux --java_out=. message.proto` makes mainflux/Message.java; it needs com.google.protobuf:protobuf-java.
import io.nats.client.JetStreamSubscription;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.PullSubscribeOptions;
import java.time.Duration;
import mainflux.Message.RawMessage;

final class ConsumeNats {
    public static void main(String[] arguments) throws Exception {
        Options options = new Options.Builder().server(System.getenv("NATS_URL")).sslContext(Tls.context()).build();
        try (var connection = Nats.connect(options)) {
            // From here on messages wait for this consumer until it acknowledges them, also while it is away.
            var backend = PullSubscribeOptions.builder().stream("MESSAGES").durable("backend").build();
            JetStreamSubscription consumer = connection.jetStream().subscribe("channel.>", backend);
            for (Message delivery : consumer.fetch(1, Duration.ofSeconds(30))) {
                RawMessage message = RawMessage.parseFrom(delivery.getData());
                System.out.println("received " + message.getChannel() + " " + message.getPayload().toStringUtf8());
                delivery.ackSync(Duration.ofSeconds(10));
            }
        }
    }
}
