import java.util.HashMap;
import java.util.Map;

/** What a program was started with: {@code port=8080 idle=2000}; times are in ms, sizes in bytes. */
final class Options {
    static final String HOST = "127.0.0.1";

    private final Map<String, String> said = new HashMap<>();

    Options(String[] args) {
        for (String arg : args) {
            String[] pair = arg.split("=", 2);
            said.put(pair[0], pair[1]);
        }
    }

    String text(String name, String otherwise) {
        return said.getOrDefault(name, otherwise);
    }

    int number(String name, int otherwise) {
        return said.containsKey(name) ? Integer.parseInt(said.get(name)) : otherwise;
    }

    boolean has(String name) {
        return said.containsKey(name);
    }

    int port() {
        return number("port", 0);
    }

    /** Says to the test that the server is up. */
    static void ready() {
        System.out.println("listening");
    }
}
