// Not run by the tests, for want of org.eclipse.paho:org.eclipse.paho.client.mqttv3:1.2.5. Subscribes over MQTT with TLS and publishes.
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.eclipse.paho.client.mqttv3.MqttClient;
import org.eclipse.paho.client.mqttv3.MqttConnectOptions;
import org.eclipse.paho.client.mqttv3.persist.MemoryPersistence;

final class EchoMqtt {
    public static void main(String[] arguments) throws Exception {
        var options = new MqttConnectOptions();
        options.setSocketFactory(Tls.context().getSocketFactory());
        options.setHttpsHostnameVerificationEnabled(true);
        if (System.getenv("KEY") != null) {
            options.setUserName(System.getenv("THING"));
            options.setPassword(System.getenv("KEY").toCharArray());
        }
        String broker = "ssl://" + System.getenv("MQTT_HOST") + ":" + System.getenv("MQTT_PORT");
        String topic = "channels/" + System.getenv("CHANNEL") + "/messages";
        var received = new CompletableFuture<String>();
        try (var client = new MqttClient(broker, MqttClient.generateClientId(), new MemoryPersistence())) {
            client.connect(options);
            client.subscribe(topic, 1, (from, message) -> received.complete(new String(message.getPayload())));
            client.publish(topic, Tls.PAYLOAD.getBytes(), 1, false);
            System.out.println("received " + received.get(10, TimeUnit.SECONDS));
            client.disconnect();
        }
    }
}
