import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Set;
import java.util.TreeSet;
import javax.servlet.http.HttpServletRequest;
import javax.servlet.http.HttpServletResponse;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.server.handler.AbstractHandler;
import org.eclipse.jetty.spdy.server.http.HTTPSPDYServerConnectionFactory;
import org.eclipse.jetty.spdy.server.http.PushStrategy;

/** Jetty's server. Argument: the version of SPDY, 2 or 3. */
final class JettyServer {
  public static void main(String[] args) throws Exception {
    Server server = new Server();
    HttpConfiguration settings = new HttpConfiguration();
    settings.setRequestHeaderSize(1 << 16);
    settings.setResponseHeaderSize(1 << 16);
    PushStrategy pushes = (stream, request, response) -> {
      Set<String> paths = new TreeSet<>();
      String path = request.get(Integer.parseInt(args[0]) == 2 ? "url" : ":path").getValue();
      if (!path.endsWith("/push")) return paths;
      for (int count = 0; count < 3; count++) paths.add("/pushed/" + count);
      return paths;
    };
    ServerConnector connector = new ServerConnector(server, null, null, null, 1, 1,
        new HTTPSPDYServerConnectionFactory(Integer.parseInt(args[0]), settings, pushes));
    connector.setHost("127.0.0.1");
    server.addConnector(connector);
    server.setHandler(new Answers());
    server.start();
    System.out.println(connector.getLocalPort());
    while (System.in.read() >= 0) {}
    System.exit(0);
  }

  private static final class Answers extends AbstractHandler {
    @Override public void handle(String target, Request request, HttpServletRequest asked,
        HttpServletResponse response) throws IOException {
      request.setHandled(true);
      byte[] body = "hello".getBytes();
      if (target.startsWith("/bytes/")) {
        body = Pattern.bytes(Pattern.sizeOf(target));
      } else if (target.equals("/digest")) {
        body = digest(asked.getInputStream()).getBytes();
      } else if (target.startsWith("/headers/")) {
        for (int at = 0; at < Pattern.sizeOf(target); at++) {
          response.setHeader("x-" + at, "v".repeat(1000));
        }
      } else if (target.equals("/204")) {
        response.setStatus(204);
        return;
      } else if (target.startsWith("/pushed/")) {
        body = ("pushed " + Pattern.sizeOf(target)).getBytes();
      }
      response.getOutputStream().write(body);
    }

    private static String digest(InputStream input) throws IOException {
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      byte[] buffer = new byte[8192];
      for (int count; (count = input.read(buffer)) >= 0;) all.write(buffer, 0, count);
      try {
        return Pattern.digest(all.toByteArray());
      } catch (Exception failure) {
        throw new IOException(failure);
      }
    }
  }
}
