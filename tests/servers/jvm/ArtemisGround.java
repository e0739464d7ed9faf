import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import org.apache.activemq.artemis.core.config.Configuration;
import org.apache.activemq.artemis.core.config.impl.ConfigurationImpl;
import org.apache.activemq.artemis.core.config.impl.SecurityConfiguration;
import org.apache.activemq.artemis.core.security.Role;
import org.apache.activemq.artemis.core.server.embedded.EmbeddedActiveMQ;
import org.apache.activemq.artemis.core.settings.impl.AddressSettings;
import org.apache.activemq.artemis.core.settings.impl.SlowConsumerPolicy;
import org.apache.activemq.artemis.spi.core.security.ActiveMQJAASSecurityManager;
import org.apache.activemq.artemis.spi.core.security.jaas.InVMLoginModule;
import org.apache.activemq.artemis.api.core.management.ActiveMQServerControl;

/**
 * Artemis 2, embedded: STOMP over TCP and WebSocket on one acceptor. Options: `admin` (a port where its management API
 * answers to words, see below), `acceptor` (further parameters of the acceptor's URL). Its users are anna and bert (crew),
 * and visitor, who may only read; their passwords are `crew`. It looks twice a second for connections whose time is up,
 * makes no address below `closed.`, and kills consumers below `slow.` that take fewer than ten messages a second.
 */
public final class ArtemisGround {
    public static void main(String[] args) throws Exception {
        Options options = new Options(args);
        Configuration configuration = new ConfigurationImpl()
            .setPersistenceEnabled(false).setJMXManagementEnabled(false).setSecurityEnabled(true)
            .setConnectionTtlCheckInterval(500)
            .setSecurityInvalidationInterval(0)
            .addAcceptorConfiguration("stomp", "tcp://" + Options.HOST + ":" + options.port() + "?protocols=STOMP"
                + options.text("acceptor", ""));
        Set<Role> roles = new HashSet<>();
        roles.add(new Role("crew", true, true, true, true, true, true, true, true, true, true, false, false));
        roles.add(new Role("guests", false, true, false, false, true, false, false, true, true, false, false, false));
        configuration.putSecurityRoles("#", roles);
        configuration.addAddressSetting("#", new AddressSettings());
        configuration.addAddressSetting(
            "closed.#", new AddressSettings().setAutoCreateAddresses(false).setAutoCreateQueues(false));
        configuration.addAddressSetting("slow.#", new AddressSettings().setSlowConsumerPolicy(SlowConsumerPolicy.KILL)
            .setSlowConsumerThreshold(10).setSlowConsumerCheckPeriod(1));
        SecurityConfiguration users = new SecurityConfiguration();
        for (String name : new String[] {"anna", "bert", "visitor"}) {
            users.addUser(name, "crew");
            users.addRole(name, name.equals("visitor") ? "guests" : "crew");
        }
        EmbeddedActiveMQ broker = new EmbeddedActiveMQ().setConfiguration(configuration)
            .setSecurityManager(new ActiveMQJAASSecurityManager(InVMLoginModule.class.getName(), users));
        broker.start();
        Runtime.getRuntime().addShutdownHook(new Thread(() -> stop(broker)));
        administrate(broker, options.number("admin", 0));
        Options.ready();
    }

    private static void administrate(EmbeddedActiveMQ broker, int port) throws Exception {
        HttpServer admin = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        admin.createContext("/", exchange -> {
            String answer;
            try {
                byte[] words = exchange.getRequestBody().readAllBytes();
                answer = obey(broker, new String(words, StandardCharsets.UTF_8).split(" "));
            } catch (Exception error) {
                answer = error.toString();
            }
            exchange.sendResponseHeaders(200, 0);
            exchange.getResponseBody().write(answer.getBytes(StandardCharsets.UTF_8));
            exchange.close();
        });
        admin.start();
    }

    private static String obey(EmbeddedActiveMQ broker, String[] words) throws Exception {
        ActiveMQServerControl control = broker.getActiveMQServer().getActiveMQServerControl();
        switch (words[0]) {
            case "user" -> {
                return "" + control.closeConnectionsForUser(words[1]);
            }
            case "address" -> {
                return "" + control.closeConsumerConnectionsForAddress(words[1]);
            }
            case "host" -> {
                return "" + control.closeConnectionsForAddress(words[1]);
            }
            case "acceptor" -> broker.getActiveMQServer().getRemotingService().getAcceptor("stomp").stop();
            default -> throw new IllegalArgumentException(words[0]);
        }
        return "done";
    }

    private static void stop(EmbeddedActiveMQ broker) {
        try {
            broker.stop();
        } catch (Exception error) {
            System.out.println(error);
        }
    }
}
