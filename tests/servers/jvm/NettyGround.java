import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PingWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolConfig;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolHandler;
import io.netty.handler.codec.http.websocketx.WebSocketServerProtocolHandler.HandshakeComplete;
import io.netty.handler.timeout.IdleState;
import io.netty.handler.timeout.IdleStateEvent;
import io.netty.handler.timeout.IdleStateHandler;
import java.util.concurrent.TimeUnit;

/**
 * Netty 4.1: WebSocketServerProtocolHandler behind an IdleStateHandler, as most home-made gateways have it. Options:
 * those of Room, `reader` (closes who has said nothing for so long), `writer` (pings who has been told nothing for so
 * long), `all` (closes where both were silent), `bye=CODE REASON` (says that first), `max` (a frame).
 */
public final class NettyGround {
    public static void main(String[] args) throws Exception {
        Options options = new Options(args);
        Room room = new Room(options);
        NioEventLoopGroup threads = new NioEventLoopGroup(1);
        new ServerBootstrap()
            .group(threads)
            .channel(NioServerSocketChannel.class)
            .childHandler(new ChannelInitializer<SocketChannel>() {
                @Override
                protected void initChannel(SocketChannel channel) {
                    ChannelPipeline pipeline = channel.pipeline();
                    pipeline.addLast(new HttpServerCodec(), new HttpObjectAggregator(65_536));
                    int reader = options.number("reader", 0);
                    int writer = options.number("writer", 0);
                    int all = options.number("all", 0);
                    pipeline.addLast(new IdleStateHandler(reader, writer, all, TimeUnit.MILLISECONDS));
                    pipeline.addLast(new WebSocketServerProtocolHandler(WebSocketServerProtocolConfig.newBuilder()
                        .websocketPath("/live").checkStartsWith(true)
                        .maxFramePayloadLength(options.number("max", 65_536)).build()));
                    pipeline.addLast(new Client(room, options));
                }
            })
            .bind(Options.HOST, options.port()).sync();
        Runtime.getRuntime().addShutdownHook(new Thread(
            () -> threads.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly()));
        Options.ready();
    }

    /** One client. */
    private static final class Client extends SimpleChannelInboundHandler<TextWebSocketFrame> implements Room.Client {
        private final Room room;
        private final String[] bye;
        private ChannelHandlerContext context;

        Client(Room room, Options options) {
            this.room = room;
            bye = options.has("bye") ? options.text("bye", "").split(" ", 2) : null;
        }

        @Override
        public void userEventTriggered(ChannelHandlerContext context, Object event) {
            if (event instanceof HandshakeComplete complete) {
                this.context = context;
                String[] target = complete.requestUri().split("\\?", 2);
                room.opened(this, target.length > 1 ? target[1] : "");
            } else if (event instanceof IdleStateEvent idle && idle.state() == IdleState.WRITER_IDLE) {
                context.writeAndFlush(new PingWebSocketFrame());
            } else if (event instanceof IdleStateEvent) {
                if (bye == null) {
                    context.close();
                } else {
                    close(Integer.parseInt(bye[0]), bye[1]);
                }
            }
        }

        @Override
        protected void channelRead0(ChannelHandlerContext context, TextWebSocketFrame frame) {
            room.heard(this, frame.text());
        }

        @Override
        public void channelInactive(ChannelHandlerContext context) {
            System.out.println("gone");
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
            System.out.println("error: " + cause);
            context.close();
        }

        @Override
        public void say(String text) {
            context.writeAndFlush(new TextWebSocketFrame(text));
        }

        @Override
        public void close(int code, String reason) {
            context.writeAndFlush(new CloseWebSocketFrame(code, reason)).addListener(ChannelFutureListener.CLOSE);
        }

        @Override
        public void cut() {
            context.close();
        }
    }
}
