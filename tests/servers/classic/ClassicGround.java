import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.apache.activemq.broker.BrokerPlugin;
import org.apache.activemq.broker.BrokerService;
import org.apache.activemq.broker.TransportConnection;
import org.apache.activemq.broker.TransportConnector;
import org.apache.activemq.security.AuthenticationUser;
import org.apache.activemq.security.SimpleAuthenticationPlugin;

/**
 * ActiveMQ Classic, embedded: STOMP over WebSocket. What its admin port is told in a body is what is done: the
 * connections of that client-id are stopped, as by an operator's console. Its user is ground, whose password is crew.
 *
 *     java ClassicGround PORT ADMIN
 */
public final class ClassicGround {
    public static void main(String[] args) throws Exception {
        BrokerService broker = new BrokerService();
        broker.setBrokerName("ground");
        broker.setPersistent(false);
        broker.setUseJmx(false);
        broker.setAdvisorySupport(false);
        broker.setUseShutdownHook(true);
        broker.setPlugins(new BrokerPlugin[] {
            new SimpleAuthenticationPlugin(List.of(new AuthenticationUser("ground", "crew", "crew")))});
        broker.addConnector("ws://127.0.0.1:" + args[0]);
        broker.start();
        broker.waitUntilStarted();
        administrate(broker, Integer.parseInt(args[1]));
        System.out.println("listening");
    }

    private static void administrate(BrokerService broker, int port) throws Exception {
        HttpServer admin = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        admin.createContext("/", exchange -> {
            String client = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
            int stopped = 0;
            for (TransportConnector connector : broker.getTransportConnectors()) {
                for (TransportConnection connection : connector.getConnections()) {
                    if (client.equals(connection.getConnectionId())) {
                        connection.stopAsync();
                        stopped++;
                    }
                }
            }
            exchange.sendResponseHeaders(200, 0);
            exchange.getResponseBody().write(("" + stopped).getBytes(StandardCharsets.UTF_8));
            exchange.close();
        });
        admin.start();
    }
}
