import com.squareup.okhttp.Protocol;
import com.squareup.okhttp.internal.spdy.*;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import okio.BufferedSink;
import okio.Okio;

/** A server of OkHttp's SpdyConnection, whose SPDY_3 is SPDY/3.1. */
final class OkHttpServer {
  private static final ExecutorService THREADS = Executors.newCachedThreadPool();

  public static void main(String[] args) throws Exception {
    ServerSocket listener = new ServerSocket(0, 50, InetAddress.getByName("127.0.0.1"));
    System.out.println(listener.getLocalPort());
    THREADS.submit(() -> {
      while (true) {
        Socket socket = listener.accept();
        // Else each pair of WINDOW_UPDATEs waits for the acknowledgement of the first one.
        socket.setTcpNoDelay(true);
        SpdyConnection connection = new SpdyConnection.Builder(false, socket)
            .protocol(Protocol.SPDY_3)
            .handler(stream -> THREADS.submit(() -> answer(stream))).build();
        connection.sendConnectionPreface();
      }
    });
    while (System.in.read() >= 0) {}
    System.exit(0);
  }

  static List<Header> headers(String... pairs) {
    List<Header> all = new ArrayList<>();
    for (int at = 0; at < pairs.length; at += 2) all.add(new Header(pairs[at], pairs[at + 1]));
    return all;
  }

  private static Void answer(SpdyStream stream) throws Exception {
    String path = "";
    boolean head = false;
    for (Header header : stream.getRequestHeaders()) {
      if (header.name.utf8().equals(":path")) path = header.value.utf8();
      head |= header.value.utf8().equals("HEAD");
    }
    List<Header> reply = headers(":status", path.equals("/204") ? "204" : "200",
        ":version", "HTTP/1.1");
    byte[] body = "hello".getBytes();
    if (path.equals("/204")) body = new byte[0];
    if (path.startsWith("/bytes/")) body = Pattern.bytes(Pattern.sizeOf(path));
    if (path.equals("/digest")) {
      body = Pattern.digest(Okio.buffer(stream.getSource()).readByteArray()).getBytes();
    }
    if (path.startsWith("/headers/")) {
      for (int at = 0; at < Pattern.sizeOf(path); at++) {
        reply.add(new Header("x-" + at, "v".repeat(1000)));
      }
    }
    if (path.equals("/reset")) {
      stream.close(ErrorCode.INTERNAL_ERROR);
      return null;
    }
    stream.reply(reply, true);
    write(stream, head ? new byte[0] : body);
    return null;
  }

  static void write(SpdyStream stream, byte[] body) throws IOException {
    BufferedSink sink = Okio.buffer(stream.getSink());
    sink.write(body);
    sink.close();
  }
}
