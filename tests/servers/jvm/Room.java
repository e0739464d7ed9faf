import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * What every server here does with its clients. A message comes back, unless it is an order: `close CODE REASON`,
 * `kick NAME CODE REASON`, `cut NAME`, `raise`, `fill` (all memory), `halt`, `sleep MS`, `clock MS COUNT` (it says
 * "tick" so often), `flood NAME COUNT SIZE`. A client's name is that of its query, `?user=anna`.
 *
 * Options: `twice=CODE REASON` closes who is there already when the same name comes in; `token=MS CODE REASON` closes
 * everybody at that age; `origin` is the only one let in; `ticket` is what the query must hold.
 */
final class Room {
    /** A client, as its product shows it. */
    interface Client {
        void say(String text);

        void close(int code, String reason);

        void cut();
    }

    private static final ScheduledExecutorService LATER = Executors.newSingleThreadScheduledExecutor(work -> {
        Thread thread = new Thread(work, "later");
        thread.setDaemon(true);
        return thread;
    });

    private final Map<String, Client> present = new ConcurrentHashMap<>();
    private final String twice;
    private final String token;
    private final String origin;
    private final String ticket;

    Room(Options options) {
        twice = options.text("twice", "");
        token = options.text("token", "");
        origin = options.text("origin", "");
        ticket = options.text("ticket", "");
    }

    /** The HTTP status that keeps somebody out; 0 lets them in. */
    int refusal(String itsOrigin, String query) {
        if (!origin.isEmpty() && !origin.equals(itsOrigin)) {
            return 403;
        }
        return ticket.isEmpty() || ticket.equals(asked(query, "ticket")) ? 0 : 401;
    }

    void opened(Client client, String query) {
        Client elder = present.put(asked(query, "user"), client);
        if (elder != null && !twice.isEmpty()) {
            close(elder, twice.split(" ", 2));
        }
        if (!token.isEmpty()) {
            String[] words = token.split(" ", 2);
            long age = Long.parseLong(words[0]);
            LATER.schedule(() -> close(client, words[1].split(" ", 2)), age, TimeUnit.MILLISECONDS);
        }
    }

    void heard(Client client, String text) {
        String[] words = text.split(" ");
        switch (words[0]) {
            case "close" -> close(client, text.split(" ", 3), 1);
            case "kick" -> close(present.get(words[1]), text.split(" ", 4), 2);
            case "cut" -> present.get(words[1]).cut();
            case "raise" -> throw new IllegalStateException("no order is numbered 17");
            case "fill" -> fill();
            case "halt" -> Runtime.getRuntime().halt(134);
            case "sleep" -> sleep(Long.parseLong(words[1]));
            case "clock" -> tick(client, Long.parseLong(words[1]), Integer.parseInt(words[2]));
            case "flood" -> {
                Client whom = present.get(words[1]);
                String message = "x".repeat(Integer.parseInt(words[3]));
                LATER.execute(() -> flood(whom, Integer.parseInt(words[2]), message));
            }
            default -> client.say(text);
        }
    }

    static String asked(String query, String name) {
        for (String pair : (query == null ? "" : query).split("&")) {
            if (pair.startsWith(name + "=")) {
                return pair.substring(name.length() + 1);
            }
        }
        return "";
    }

    private static void close(Client client, String[] words) {
        close(client, words, 0);
    }

    private static void close(Client client, String[] words, int from) {
        client.close(Integer.parseInt(words[from]), words.length > from + 1 ? words[from + 1] : "");
    }

    private static void flood(Client client, int count, String message) {
        try {
            for (int sent = 0; sent < count; sent++) {
                client.say(message);
            }
        } catch (RuntimeException error) {
            System.out.println("flood: " + error);
        }
    }

    private static void tick(Client client, long every, int count) {
        if (count > 0) {
            LATER.schedule(() -> {
                client.say("tick");
                tick(client, every, count - 1);
            }, every, TimeUnit.MILLISECONDS);
        }
    }

    private static void fill() {
        List<long[]> held = new ArrayList<>();
        while (true) {
            held.add(new long[1 << 20]);
        }
    }

    static void sleep(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException stopped) {
            Thread.currentThread().interrupt();
        }
    }
}
