import jakarta.websocket.CloseReason;
import jakarta.websocket.DeploymentException;
import jakarta.websocket.Endpoint;
import jakarta.websocket.EndpointConfig;
import jakarta.websocket.MessageHandler;
import jakarta.websocket.Session;
import jakarta.websocket.server.ServerContainer;
import jakarta.websocket.server.ServerEndpointConfig;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Set;
import org.apache.catalina.Context;
import org.apache.catalina.servlets.DefaultServlet;
import org.apache.catalina.startup.Tomcat;
import org.apache.tomcat.websocket.server.WsSci;

/**
 * Tomcat 10.1 and Jakarta WebSocket. Options: `twice`, `token` and `origin` of Room, `idle` (a session's maxIdleTimeout),
 * `max` (its text buffer), `send` (how long a send may block), `kernel` (the kernel's buffer for what it sends).
 */
public final class TomcatGround {
    public static void main(String[] args) throws Exception {
        Options options = new Options(args);
        Room room = new Room(options);
        Tomcat tomcat = new Tomcat();
        tomcat.setBaseDir("tomcat");
        tomcat.setPort(options.port());
        tomcat.getConnector().setProperty("address", Options.HOST);
        if (options.has("kernel")) {
            tomcat.getConnector().setProperty("socket.txBufSize", options.text("kernel", ""));
        }
        Context context = tomcat.addContext("", null);
        Tomcat.addServlet(context, "default", new DefaultServlet());
        context.addServletMappingDecoded("/", "default");
        context.addServletContainerInitializer(new WsSci(), Set.of());
        context.addServletContainerInitializer((classes, servlets) -> {
            try {
                ServerContainer container = (ServerContainer) servlets.getAttribute(ServerContainer.class.getName());
                container.addEndpoint(ServerEndpointConfig.Builder.create(Client.class, "/live")
                    .configurator(new Door(room, options)).build());
            } catch (DeploymentException error) {
                throw new IllegalStateException(error);
            }
        }, Set.of());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                tomcat.stop();
            } catch (Exception error) {
                System.out.println(error);
            }
        }));
        tomcat.start();
        Options.ready();
    }

    /** Looks at who comes in, and makes the endpoint. */
    private static final class Door extends ServerEndpointConfig.Configurator {
        private final Room room;
        private final Options options;

        Door(Room room, Options options) {
            this.room = room;
            this.options = options;
        }

        @Override
        public boolean checkOrigin(String origin) {
            return room.refusal(origin, "") != 403;
        }

        @Override
        @SuppressWarnings("unchecked")
        public <T> T getEndpointInstance(Class<T> kind) {
            return (T) new Client(room, options);
        }
    }

    /** One client. */
    public static final class Client extends Endpoint implements Room.Client {
        private final Room room;
        private final Options options;
        private Session session;

        Client(Room room, Options options) {
            this.room = room;
            this.options = options;
        }

        @Override
        public void onOpen(Session session, EndpointConfig config) {
            this.session = session;
            session.setMaxIdleTimeout(options.number("idle", 0));
            session.setMaxTextMessageBufferSize(options.number("max", 8192));
            if (options.has("send")) {
                session.getUserProperties().put(
                    "org.apache.tomcat.websocket.BLOCKING_SEND_TIMEOUT", (long) options.number("send", 20_000));
            }
            session.addMessageHandler(String.class, (MessageHandler.Whole<String>) text -> room.heard(this, text));
            room.opened(this, session.getQueryString());
        }

        @Override
        public void onError(Session session, Throwable cause) {
            System.out.println("error: " + cause);
        }

        @Override
        public void say(String text) {
            try {
                session.getBasicRemote().sendText(text);
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }

        @Override
        public void close(int code, String reason) {
            try {
                session.close(new CloseReason(CloseReason.CloseCodes.getCloseCode(code), reason));
            } catch (IOException error) {
                throw new UncheckedIOException(error);
            }
        }

        @Override
        public void cut() {
            throw new UnsupportedOperationException("Jakarta WebSocket has no such call");
        }
    }
}
