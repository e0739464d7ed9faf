import java.time.Duration;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.ContextHandler;
import org.eclipse.jetty.websocket.api.Callback;
import org.eclipse.jetty.websocket.api.Session;
import org.eclipse.jetty.websocket.server.WebSocketUpgradeHandler;

/** Jetty 12 and its own API. Options: those of Room, `idle`, `max` (a text message), `grace` (for its stop). */
public final class JettyGround {
    public static void main(String[] args) throws Exception {
        Options options = new Options(args);
        Room room = new Room(options);
        Server server = new Server();
        ServerConnector connector = new ServerConnector(server);
        connector.setHost(Options.HOST);
        connector.setPort(options.port());
        server.addConnector(connector);
        ContextHandler context = new ContextHandler("/");
        context.setHandler(WebSocketUpgradeHandler.from(server, context, container -> {
            container.setIdleTimeout(Duration.ofMillis(options.number("idle", 30_000)));
            container.setMaxTextMessageSize(options.number("max", 65_536));
            container.addMapping("/live", (request, response, callback) -> {
                int refusal = room.refusal(request.getHeaders().get("Origin"), request.getHttpURI().getQuery());
                if (refusal == 0) {
                    return new Endpoint(room);
                }
                Response.writeError(request, response, callback, refusal);
                return null;
            });
        }));
        server.setHandler(context);
        server.setStopTimeout(options.number("grace", 0));
        server.setStopAtShutdown(true);
        server.start();
        Options.ready();
    }

    /** One client. */
    public static final class Endpoint extends Session.Listener.AbstractAutoDemanding implements Room.Client {
        private final Room room;

        Endpoint(Room room) {
            this.room = room;
        }

        @Override
        public void onWebSocketOpen(Session session) {
            super.onWebSocketOpen(session);
            room.opened(this, session.getUpgradeRequest().getQueryString());
        }

        @Override
        public void onWebSocketText(String text) {
            room.heard(this, text);
        }

        @Override
        public void onWebSocketError(Throwable cause) {
            System.out.println("error: " + cause);
        }

        @Override
        public void say(String text) {
            getSession().sendText(text, Callback.NOOP);
        }

        @Override
        public void close(int code, String reason) {
            getSession().close(code, reason, Callback.NOOP);
        }

        @Override
        public void cut() {
            getSession().disconnect();
        }
    }
}
