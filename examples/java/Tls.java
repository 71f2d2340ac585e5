// Run by the tests. What the other examples share: TLS with our CA, and a client certificate if there is one.
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

final class Tls {
    /** What the examples publish. */
    static final String PAYLOAD = "[{\"n\":\"temperature\",\"u\":\"Cel\",\"v\":21.5}]";

    static SSLContext context() throws Exception {
        KeyStore trusted = emptyStore();
        for (Certificate authority : certificates("CA_FILE")) {
            trusted.setCertificateEntry(String.valueOf(trusted.size()), authority);
        }
        var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(trusted);

        KeyStore own = emptyStore();
        if (System.getenv("CERT_FILE") != null) {
            Certificate[] chain = certificates("CERT_FILE").toArray(new Certificate[0]);
            PrivateKey key = key(chain[0].getPublicKey().getAlgorithm());
            own.setKeyEntry("thing", key, new char[0], chain);
        }
        var keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(own, new char[0]);

        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    private static KeyStore emptyStore() throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        return store;
    }

    private static Collection<? extends Certificate> certificates(String variable) throws Exception {
        try (var file = Files.newInputStream(Path.of(System.getenv(variable)))) {
            return CertificateFactory.getInstance("X.509").generateCertificates(file);
        }
    }

    /** Reads a key in PKCS#8, which is what begins with BEGIN PRIVATE KEY. */
    private static PrivateKey key(String algorithm) throws Exception {
        String pem = Files.readString(Path.of(System.getenv("KEY_FILE")));
        String base64 = pem.replaceAll("-----(BEGIN|END) PRIVATE KEY-----|\\s", "");
        var encoded = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(base64));
        return KeyFactory.getInstance(algorithm).generatePrivate(encoded);
    }
}
