import io.vertx.core.AsyncResult;
import io.vertx.core.Future;
import io.vertx.core.Handler;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServerOptions;
import io.vertx.core.http.ServerWebSocket;
import io.vertx.ext.auth.User;
import io.vertx.ext.auth.authentication.AuthenticationProvider;
import io.vertx.ext.auth.authentication.Credentials;
import io.vertx.ext.bridge.PermittedOptions;
import io.vertx.ext.stomp.StompServer;
import io.vertx.ext.stomp.StompServerHandler;
import io.vertx.ext.stomp.StompServerOptions;
import io.vertx.core.json.JsonObject;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.handler.BodyHandler;
import io.vertx.ext.web.handler.sockjs.SockJSBridgeOptions;
import io.vertx.ext.web.handler.sockjs.SockJSHandler;
import io.vertx.ext.web.handler.sockjs.SockJSHandlerOptions;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/**
 * Vert.x 4.5: its WebSocket at /live, SockJS at /echo, the event bus bridge over SockJS at /eventbus, its STOMP server
 * over WebSocket at /stomp and, on the port `stomp`, over TCP. Options: those of Room, `idle` (of a TCP connection),
 * `max` (a message), `heartbeat` and `session` (SockJS), `ping` (what the bridge waits for a ping), `user=NAME:PASSCODE`
 * (of the STOMP server; anybody where none is given). STOMP beats go every second, both ways.
 */
public final class VertxGround {
    public static void main(String[] args) throws Exception {
        Options options = new Options(args);
        Room room = new Room(options);
        Vertx vertx = Vertx.vertx();
        CompletableFuture<StompServer> made = new CompletableFuture<>();  // it wants to be made on a thread of Vert.x
        vertx.runOnContext(there -> made.complete(stomp(vertx, options)));
        StompServer stomp = made.get();
        Router router = Router.router(vertx);
        SockJSHandlerOptions sockjs = new SockJSHandlerOptions()
            .setHeartbeatInterval(options.number("heartbeat", 25_000))
            .setSessionTimeout(options.number("session", 5000));
        router.post().handler(BodyHandler.create(false));
        router.route("/echo/*").subRouter(SockJSHandler.create(vertx, sockjs).socketHandler(
            socket -> socket.handler(data -> {
            String[] words = data.toString().split(" ", 3);
            if (words[0].equals("close")) {
                socket.close(Integer.parseInt(words[1]), words[2]);
            } else if (words[0].equals("end")) {
                socket.close();
            } else {
                socket.write(data);
            }
        })));
        router.route("/eventbus/*").subRouter(SockJSHandler.create(vertx, sockjs).bridge(
            new SockJSBridgeOptions().setPingTimeout(options.number("ping", 10_000))
                .addInboundPermitted(new PermittedOptions().setAddress("lobby"))
                .addOutboundPermitted(new PermittedOptions().setAddress("lobby")),
            event -> event.complete(true)));
        HttpServerOptions http = new HttpServerOptions().setHost(Options.HOST).setPort(options.port())
            .setIdleTimeout(options.number("idle", 0)).setIdleTimeoutUnit(TimeUnit.MILLISECONDS)
            .setMaxWebSocketMessageSize(options.number("max", 262_144))
            .setMaxWebSocketFrameSize(options.number("max", 65_536))
            .addWebSocketSubProtocol("v12.stomp").addWebSocketSubProtocol("v11.stomp")
            .addWebSocketSubProtocol("v10.stomp");
        router.route("/live").handler(call -> {
            int refusal = room.refusal(call.request().getHeader("Origin"), call.request().query());
            if (refusal == 0) {
                call.request().toWebSocket().onSuccess(socket -> enter(room, socket));
            } else {
                call.fail(refusal);
            }
        });
        router.route("/stomp").handler(
            call -> call.request().toWebSocket().onSuccess(stomp.webSocketHandler()::handle));
        vertx.createHttpServer(http).requestHandler(router).listen().toCompletionStage().toCompletableFuture().get();
        if (options.has("stomp")) {
            stomp.listen(options.number("stomp", 0), Options.HOST).toCompletionStage().toCompletableFuture().get();
        }
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                vertx.close().toCompletionStage().toCompletableFuture().get(5, TimeUnit.SECONDS);
            } catch (Exception error) {
                System.out.println(error);
            }
        }));
        Options.ready();
    }

    private static void enter(Room room, ServerWebSocket socket) {
        Client client = new Client(socket);
        socket.textMessageHandler(text -> room.heard(client, text));
        socket.exceptionHandler(cause -> System.out.println("error: " + cause));
        room.opened(client, socket.query());
    }

    private static StompServer stomp(Vertx vertx, Options options) {
        StompServerOptions stomp = new StompServerOptions().setWebsocketBridge(true).setWebsocketPath("/stomp")
            .setSecured(options.has("user"))
            .setHeartbeat(new JsonObject().put("x", 1000).put("y", 1000));
        StompServerHandler handler = StompServerHandler.create(vertx);
        if (options.has("user")) {
            String[] user = options.text("user", "").split(":");
            handler.authProvider(new Users(user[0], user[1]));
        }
        return StompServer.create(vertx, stomp).handler(handler);
    }

    /** The one user the STOMP server knows. */
    private record Users(String name, String password) implements AuthenticationProvider {
        @Override
        public void authenticate(Credentials credentials, Handler<AsyncResult<User>> result) {
            authenticate(credentials.toJson(), result);
        }

        @Override
        public void authenticate(JsonObject said, Handler<AsyncResult<User>> result) {
            boolean known = name.equals(said.getString("username")) && password.equals(said.getString("password"));
            result.handle(known ? Future.succeededFuture(User.fromName(name)) : Future.failedFuture("no such user"));
        }
    }

    private record Client(ServerWebSocket socket) implements Room.Client {
        @Override
        public void say(String text) {
            socket.writeTextMessage(text);
        }

        @Override
        public void close(int code, String reason) {
            socket.close((short) code, reason);
        }

        @Override
        public void cut() {
            socket.end();
        }
    }
}
