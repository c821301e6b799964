import com.squareup.okhttp.Protocol;
import com.squareup.okhttp.internal.spdy.*;
import java.net.Socket;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import okio.Okio;

/** A client of OkHttp's SpdyConnection, whose SPDY_3 is SPDY/3.1. Argument: the port. */
final class OkHttpClient {
  private static final ExecutorService THREADS = Executors.newCachedThreadPool();
  private static SpdyConnection connection;

  public static void main(String[] args) throws Exception {
    LinkedBlockingQueue<String> pushed = new LinkedBlockingQueue<>();
    Socket socket = new Socket("127.0.0.1", Integer.parseInt(args[0]));
    connection = new SpdyConnection.Builder("localhost", true, socket)
        .protocol(Protocol.SPDY_3)
        .handler(stream -> {
          THREADS.submit(() -> {
            stream.getResponseHeaders();
            return pushed.add(Okio.buffer(stream.getSource()).readUtf8());
          });
        }).build();
    connection.sendConnectionPreface();
    Check.that("GET", () -> new String(get("/hello")).equals("hello"));
    byte[] body = Pattern.bytes(5 << 20);
    Check.that("5 MiB up", () -> {
      SpdyStream stream = open("POST", "/digest", true);
      OkHttpServer.write(stream, body);
      return new String(read(stream)).equals(Pattern.digest(body));
    });
    Check.that("5 MiB down", () -> Arrays.equals(get("/bytes/" + body.length), body));
    Check.that("100 at once", () -> {
      List<Future<byte[]>> all = new ArrayList<>();
      for (int at = 0; at < 100; at++) {
        String path = "/bytes/" + (50000 + at);
        all.add(THREADS.submit(() -> get(path)));
      }
      for (int at = 0; at < 100; at++) {
        if (all.get(at).get().length != 50000 + at) return false;
      }
      return true;
    });
    Check.that("big headers",
        () -> open("GET", "/headers/30", false).getResponseHeaders().size() > 30);
    Check.that("HEAD", () -> read(open("HEAD", "/hello", false)).length == 0);
    Check.that("204", () -> get("/204").length == 0);
    Check.that("ping", () -> connection.ping().roundTripTime() > 0);
    Check.that("push", () -> {
      get("/push");
      List<String> all = new ArrayList<>();
      for (int at = 0; at < 3; at++) all.add(pushed.poll(20, TimeUnit.SECONDS));
      return all.containsAll(List.of("pushed 0", "pushed 1", "pushed 2"));
    });
    Check.that("cancel 20 downloads, then GET", () -> {
      for (int count = 0; count < 20; count++) {
        SpdyStream stream = open("GET", "/bytes/5242880", false);
        stream.getResponseHeaders();
        stream.closeLater(ErrorCode.CANCEL);
      }
      return new String(get("/hello")).equals("hello");
    });
    System.exit(0);
  }

  private static SpdyStream open(String method, String path, boolean out) throws Exception {
    SpdyStream stream = connection.newStream(OkHttpServer.headers(":method", method, ":path", path,
        ":version", "HTTP/1.1", ":host", "localhost", ":scheme", "http"), out, true);
    stream.readTimeout().timeout(60, TimeUnit.SECONDS);
    return stream;
  }

  private static byte[] get(String path) throws Exception {
    return read(open("GET", path, false));
  }

  private static byte[] read(SpdyStream stream) throws Exception {
    stream.getResponseHeaders();
    return Okio.buffer(stream.getSource()).readByteArray();
  }
}
