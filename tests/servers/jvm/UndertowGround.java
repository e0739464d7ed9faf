import io.undertow.Handlers;
import io.undertow.Undertow;
import io.undertow.server.HttpServerExchange;
import io.undertow.util.Headers;
import io.undertow.websockets.core.AbstractReceiveListener;
import io.undertow.websockets.core.BufferedTextMessage;
import io.undertow.websockets.core.WebSocketChannel;
import io.undertow.websockets.core.WebSockets;
import org.xnio.IoUtils;

/** Undertow 2.3 and its own API. Options: those of Room, `idle` (the channel's idle timeout). */
public final class UndertowGround {
    public static void main(String[] args) {
        Options options = new Options(args);
        Room room = new Room(options);
        var socket = Handlers.websocket((exchange, channel) -> {
            if (options.has("idle")) {
                channel.setIdleTimeout(options.number("idle", 0));
            }
            Client client = new Client(channel);
            channel.getReceiveSetter().set(new AbstractReceiveListener() {
                @Override
                protected void onFullTextMessage(WebSocketChannel from, BufferedTextMessage message) {
                    room.heard(client, message.getData());
                }
            });
            channel.resumeReceives();
            room.opened(client, exchange.getQueryString());
        });
        Undertow server = Undertow.builder()
            .addHttpListener(options.port(), Options.HOST)
            .setHandler(Handlers.path().addExactPath("/live", (HttpServerExchange exchange) -> {
                String origin = exchange.getRequestHeaders().getFirst(Headers.ORIGIN);
                int refusal = room.refusal(origin, exchange.getQueryString());
                if (refusal == 0) {
                    socket.handleRequest(exchange);
                } else {
                    exchange.setStatusCode(refusal);
                }
            }))
            .build();
        Runtime.getRuntime().addShutdownHook(new Thread(server::stop));
        server.start();
        Options.ready();
    }

    private record Client(WebSocketChannel channel) implements Room.Client {
        @Override
        public void say(String text) {
            WebSockets.sendText(text, channel, null);
        }

        @Override
        public void close(int code, String reason) {
            WebSockets.sendClose(code, reason, channel, null);
        }

        @Override
        public void cut() {
            IoUtils.safeClose(channel);
        }
    }
}
