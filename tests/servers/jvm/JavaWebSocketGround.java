import java.net.InetSocketAddress;
import java.net.URI;
import java.util.List;
import org.java_websocket.WebSocket;
import org.java_websocket.drafts.Draft_6455;
import org.java_websocket.exceptions.InvalidDataException;
import org.java_websocket.framing.CloseFrame;
import org.java_websocket.handshake.ClientHandshake;
import org.java_websocket.handshake.ServerHandshakeBuilder;
import org.java_websocket.drafts.Draft;
import org.java_websocket.server.WebSocketServer;

/**
 * Java-WebSocket 1.5 (TooTallNate). Options: those of Room, `lost` (connectionLostTimeout, in seconds: it pings that
 * often and gives up on who has not answered for one and a half times as long), `max` (a message).
 */
public final class JavaWebSocketGround extends WebSocketServer {
    private final Room room;

    private JavaWebSocketGround(Options options) {
        super(new InetSocketAddress(Options.HOST, options.port()), 1,
            List.of(new Draft_6455(List.of(), options.number("max", Integer.MAX_VALUE))));
        room = new Room(options);
        setReuseAddr(true);
        setConnectionLostTimeout(options.number("lost", 60));
    }

    public static void main(String[] args) {
        JavaWebSocketGround server = new JavaWebSocketGround(new Options(args));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                server.stop(1000);
            } catch (InterruptedException stopped) {
                Thread.currentThread().interrupt();
            }
        }));
        server.run();
    }

    @Override
    public void onStart() {
        Options.ready();
    }

    @Override
    public ServerHandshakeBuilder onWebsocketHandshakeReceivedAsServer(
            WebSocket socket, Draft draft, ClientHandshake request) throws InvalidDataException {
        if (room.refusal(request.getFieldValue("Origin"), query(request)) != 0) {
            throw new InvalidDataException(CloseFrame.POLICY_VALIDATION, "Not accepted!");
        }
        return super.onWebsocketHandshakeReceivedAsServer(socket, draft, request);
    }

    @Override
    public void onOpen(WebSocket socket, ClientHandshake request) {
        socket.setAttachment(new Client(socket));
        room.opened(socket.getAttachment(), query(request));
    }

    @Override
    public void onMessage(WebSocket socket, String text) {
        room.heard(socket.getAttachment(), text);
    }

    @Override
    public void onClose(WebSocket socket, int code, String reason, boolean remote) {
        System.out.println("closed: " + code + " " + reason);
    }

    @Override
    public void onError(WebSocket socket, Exception cause) {
        System.out.println("error: " + cause);
    }

    private static String query(ClientHandshake request) {
        return URI.create(request.getResourceDescriptor()).getQuery();
    }

    private record Client(WebSocket socket) implements Room.Client {
        @Override
        public void say(String text) {
            socket.send(text);
        }

        @Override
        public void close(int code, String reason) {
            socket.close(code, reason);
        }

        @Override
        public void cut() {
            socket.closeConnection(1006, "");
        }
    }
}
