import jakarta.servlet.Filter;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.security.Principal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.web.embedded.tomcat.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Lazy;
import org.springframework.context.event.EventListener;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessageChannel;
import org.springframework.messaging.handler.annotation.DestinationVariable;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.messaging.handler.annotation.MessageMapping;
import org.springframework.messaging.simp.SimpMessagingTemplate;
import org.springframework.messaging.simp.config.ChannelRegistration;
import org.springframework.messaging.simp.config.MessageBrokerRegistry;
import org.springframework.messaging.simp.stomp.StompCommand;
import org.springframework.messaging.simp.stomp.StompHeaderAccessor;
import org.springframework.messaging.support.ChannelInterceptor;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.stereotype.Controller;
import org.springframework.web.socket.CloseStatus;
import org.springframework.web.socket.WebSocketSession;
import org.springframework.web.socket.config.annotation.EnableWebSocketMessageBroker;
import org.springframework.web.socket.config.annotation.StompEndpointRegistry;
import org.springframework.web.socket.config.annotation.WebSocketMessageBrokerConfigurer;
import org.springframework.web.socket.config.annotation.WebSocketTransportRegistration;
import org.springframework.web.socket.handler.WebSocketHandlerDecorator;
import org.springframework.web.socket.messaging.SessionConnectEvent;
import org.springframework.web.socket.server.standard.ServletServerContainerFactoryBean;

/**
 * The server of the asker: STOMP over SockJS at /sockjs (at /sockjs-xhr without its WebSocket transport) and over
 * plain WebSocket at /ws, its limits set by properties.
 *
 * <p>What is sent to /app/close/CODE/REASON ends the sender's session that way; to /app/sleep/MS occupies a thread of
 * the inbound channel; to /app/flood/COUNT/SIZE sends that many messages of that many bytes to /topic/flood; to
 * /app/block/MS occupies the one thread of the simple broker's scheduler, which beats and looks for beats. /topic and
 * /queue are the broker's: the simple one, or that whose STOMP port ground.relay names. /app/hoard keeps memory until
 * there is none; /app/fail throws; /app/prices/COUNT/SIZE sends text to /topic/prices (SockJS takes no bytes: 1002).
 *
 * <p>Where ground.door is set, nobody comes in who has not asked /login?seconds=S first, which gives a cookie whose
 * HTTP session lasts that long; /logout ends it. He is sent there (302), or refused with the HTTP status that
 * ground.door is; where it is csrf, only what is posted without a token is refused (403).
 */
@Configuration
@Controller
@EnableAutoConfiguration
@EnableWebSocketMessageBroker
public class Ground implements WebSocketMessageBrokerConfigurer, ChannelInterceptor {
  @Autowired @Lazy SimpMessagingTemplate template;
  /** The simple broker's "sx,sy" in ms; empty: it has no scheduler and beats never. */
  @Value("${ground.heart-beat:10000,10000}") String heartBeat;
  /** STOMP port of the broker that is relayed to; 0: the simple broker. */
  @Value("${ground.relay:0}") int relay;
  /** As whom it logs in there, and each client in that client's place: "login:passcode". */
  @Value("${ground.relay-system:guest:guest}") String relaySystem;
  @Value("${ground.relay-client:guest:guest}") String relayClient;
  @Value("${ground.relay-prefixes:/topic,/queue}") String[] relayPrefixes;
  /** How the older of two sessions of one login ends, as "CODE/REASON"; empty: it does not. */
  @Value("${ground.one-session:}") String oneSession;
  @Value("${ground.door:}") String door;
  /** Whom CONNECT must come from, as "login:passcode"; empty: anybody. */
  @Value("${ground.user:}") String user;
  @Value("${ground.origins:*}") String origins;
  @Value("${ground.sockjs-heart-beat:25000}") long sockJsHeartBeat;
  @Value("${ground.sockjs-disconnect-delay:5000}") long sockJsDisconnectDelay;
  @Value("${ground.sockjs-stream-bytes:131072}") int sockJsStreamBytes;
  @Value("${ground.send-time-limit:10000}") int sendTimeLimit;
  @Value("${ground.send-buffer-limit:524288}") int sendBufferLimit;
  @Value("${ground.message-size-limit:65536}") int messageSizeLimit;
  @Value("${ground.first-message:60000}") int firstMessage;
  /** How many threads handle what clients say; 1: in the order it came, else a SEND may overtake a SUBSCRIBE. */
  @Value("${ground.inbound-threads:0}") int inboundThreads;

  private final ThreadPoolTaskScheduler scheduler = new ThreadPoolTaskScheduler();
  private final Map<String, WebSocketSession> sessions = new ConcurrentHashMap<>();
  private final Map<String, String> logins = new ConcurrentHashMap<>();
  private final List<byte[]> hoard = new ArrayList<>();

  public static void main(String[] args) {
    SpringApplication.run(Ground.class, args);
  }

  /** Tomcat's own idle timeout for WebSocket sessions; 0: none. */
  @Bean
  ServletServerContainerFactoryBean container(@Value("${ground.tomcat-idle:0}") long idle) {
    var container = new ServletServerContainerFactoryBean();
    container.setMaxSessionIdleTimeout(idle);
    return container;
  }

  /** Bytes its kernel keeps for a client that does not read; 0: as many as it likes. */
  @Bean
  WebServerFactoryCustomizer<TomcatServletWebServerFactory> sending(@Value("${ground.kernel-buffer:0}") int size) {
    return factory -> factory.addConnectorCustomizers(connector -> {
      if (size != 0) {
        connector.setProperty("socket.txBufSize", String.valueOf(size));
      }
    });
  }

  @Bean
  Filter doorkeeper() {
    return (asked, answer, rest) -> {
      var request = (HttpServletRequest) asked;
      var response = (HttpServletResponse) answer;
      var session = request.getSession(false);
      boolean open = door.equals("csrf")
          ? !request.getMethod().equals("POST") || request.getHeader("X-CSRF-TOKEN") != null
          : door.isEmpty() || session != null;
      if (request.getRequestURI().equals("/login")) {
        if (request.getParameter("seconds") != null) {
          request.getSession().setMaxInactiveInterval(Integer.parseInt(request.getParameter("seconds")));
        }
        response.setContentType("text/html");
        response.getWriter().write("<html><head><title>Sign in</title></head><body>Please sign in</body></html>");
      } else if (request.getRequestURI().equals("/logout") && session != null) {
        session.invalidate();
      } else if (open && session != null) {
        rest.doFilter(new HttpServletRequestWrapper(request) {
          @Override
          public Principal getUserPrincipal() {
            return () -> "anna";
          }
        }, response);
      } else if (open) {
        rest.doFilter(request, response);
      } else if (door.equals("login")) {
        response.sendRedirect("/login");
      } else {
        response.sendError(door.equals("csrf") ? 403 : Integer.parseInt(door));
      }
    };
  }

  @Override
  public void registerStompEndpoints(StompEndpointRegistry registry) {
    registry.addEndpoint("/ws").setAllowedOriginPatterns(origins);
    registry.addEndpoint("/sockjs").setAllowedOriginPatterns(origins).withSockJS()
        .setHeartbeatTime(sockJsHeartBeat).setDisconnectDelay(sockJsDisconnectDelay)
        .setStreamBytesLimit(sockJsStreamBytes);
    registry.addEndpoint("/sockjs-xhr").setAllowedOriginPatterns(origins).withSockJS().setWebSocketEnabled(false);
  }

  @Override
  public void configureMessageBroker(MessageBrokerRegistry registry) {
    registry.setApplicationDestinationPrefixes("/app");
    if (relay != 0) {
      String[] system = relaySystem.split(":");
      String[] client = relayClient.split(":");
      registry.enableStompBrokerRelay(relayPrefixes)
          .setRelayHost("127.0.0.1").setRelayPort(relay).setVirtualHost("/")
          .setSystemLogin(system[0]).setSystemPasscode(system[1])
          .setClientLogin(client[0]).setClientPasscode(client[1]);
      return;
    }
    var broker = registry.enableSimpleBroker("/topic", "/queue");
    if (!heartBeat.isEmpty()) {
      scheduler.initialize();
      String[] pair = heartBeat.split(",");
      broker.setTaskScheduler(scheduler);
      broker.setHeartbeatValue(new long[] {Long.parseLong(pair[0]), Long.parseLong(pair[1])});
    }
  }

  @Override
  public void configureWebSocketTransport(WebSocketTransportRegistration registry) {
    registry.setSendTimeLimit(sendTimeLimit).setSendBufferSizeLimit(sendBufferLimit)
        .setMessageSizeLimit(messageSizeLimit).setTimeToFirstMessage(firstMessage);
    registry.addDecoratorFactory(handler -> new WebSocketHandlerDecorator(handler) {
      @Override
      public void afterConnectionEstablished(WebSocketSession session) throws Exception {
        sessions.put(session.getId(), session);
        super.afterConnectionEstablished(session);
      }

      @Override
      public void afterConnectionClosed(WebSocketSession session, CloseStatus status) throws Exception {
        System.out.println("closed " + status);
        sessions.remove(session.getId());
        super.afterConnectionClosed(session, status);
      }
    });
  }

  @Override
  public void configureClientInboundChannel(ChannelRegistration registration) {
    registration.interceptors(this);
    if (inboundThreads != 0) {
      registration.taskExecutor().corePoolSize(inboundThreads);
    }
  }

  /** Lets in whom it should, and nobody to /topic/staff. */
  @Override
  public Message<?> preSend(Message<?> message, MessageChannel channel) {
    var frame = StompHeaderAccessor.wrap(message);
    if (frame.getCommand() == StompCommand.CONNECT && !user.isEmpty()
        && !user.equals(frame.getLogin() + ":" + frame.getPasscode())) {
      throw new SecurityException("Access refused for user '" + frame.getLogin() + "'");
    }
    if (frame.getDestination() != null && frame.getDestination().startsWith("/topic/staff")) {
      throw new SecurityException("Access is denied");
    }
    return message;
  }

  /** Lets a login have one session, the newest, where it should. */
  @EventListener
  void connected(SessionConnectEvent event) throws IOException {
    var frame = StompHeaderAccessor.wrap(event.getMessage());
    if (oneSession.isEmpty() || frame.getLogin() == null) {
      return;
    }
    String older = logins.put(frame.getLogin(), frame.getSessionId());
    if (older != null && sessions.containsKey(older)) {
      String[] status = oneSession.split("/", 2);
      sessions.get(older).close(new CloseStatus(Integer.parseInt(status[0]), status[1].isEmpty() ? null : status[1]));
    }
  }

  @MessageMapping("/close/{code}/{reason}")
  void close(@Header("simpSessionId") String id, @DestinationVariable int code, @DestinationVariable String reason)
      throws IOException {
    sessions.get(id).close(new CloseStatus(code, reason));
  }

  @MessageMapping("/flood/{count}/{size}")
  void flood(@DestinationVariable int count, @DestinationVariable int size) {
    for (int sent = 0; sent < count; sent++) {
      template.convertAndSend("/topic/flood", "x".repeat(size).getBytes());
    }
  }

  @MessageMapping("/prices/{count}/{size}")
  void prices(@DestinationVariable int count, @DestinationVariable int size) {
    for (int sent = 0; sent < count; sent++) {
      template.convertAndSend("/topic/prices", "x".repeat(size));
    }
  }

  @MessageMapping("/block/{ms}")
  void block(@DestinationVariable long ms) {
    scheduler.execute(() -> {
      try {
        Thread.sleep(ms);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    });
  }

  @MessageMapping("/hoard")
  void hoard() {
    while (true) {
      hoard.add(new byte[1 << 20]);
    }
  }

  @MessageMapping("/fail")
  void fail() {
    throw new IllegalStateException("no such order");
  }

  @MessageMapping("/sleep/{ms}")
  void sleep(@DestinationVariable long ms) throws InterruptedException {
    Thread.sleep(ms);
  }
}
