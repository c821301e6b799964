import com.squareup.okhttp.Protocol;
import com.squareup.okhttp.internal.spdy.*;
import java.io.InterruptedIOException;
import java.net.Socket;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import okio.Okio;

/**
 * A client of OkHttp's SpdyConnection, whose SPDY_3 is SPDY/3.1. Arguments: the port, and
 * "leak" to try only what happens after downloads that were cancelled with their bytes unread.
 */
final class OkHttpClient {
  private static final ExecutorService THREADS = Executors.newCachedThreadPool();
  private static SpdyConnection connection;

  public static void main(String[] args) throws Exception {
    Socket socket = new Socket("127.0.0.1", Integer.parseInt(args[0]));
    connection = new SpdyConnection.Builder("localhost", true, socket)
        .protocol(Protocol.SPDY_3).build();
    connection.sendConnectionPreface();
    if (args.length > 1) {
      System.out.println(leak());
      System.exit(0);
    }
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
    // It has no way to take one over SPDY.
    Check.that("push is refused", () -> new String(get("/push")).equals("hello"));
    Check.that("cancel 20 downloads, then GET", () -> {
      for (int count = 0; count < 20; count++) {
        SpdyStream stream = open("GET", "/bytes/500000", false);
        stream.getResponseHeaders();
        stream.closeLater(ErrorCode.CANCEL);
      }
      return new String(get("/hello")).equals("hello");
    });
    System.exit(0);
  }

  private static String leak() throws Exception {
    List<SpdyStream> unread = new ArrayList<>();
    for (int count = 0; count < 4; count++) unread.add(open("GET", "/bytes/5242880", false));
    for (SpdyStream stream : unread) stream.getResponseHeaders();
    // Its session window is full when nothing more arrives.
    Thread.sleep(2000);
    for (SpdyStream stream : unread) stream.closeLater(ErrorCode.CANCEL);
    SpdyStream last = open("GET", "/hello", false);
    last.readTimeout().timeout(3, TimeUnit.SECONDS);
    last.getResponseHeaders();
    try {
      return Okio.buffer(last.getSource()).readUtf8();
    } catch (InterruptedIOException late) {
      return "headers, then timeout";
    }
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
