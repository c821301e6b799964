import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.*;
import io.netty.handler.codec.spdy.*;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** Netty's SPDY/3.1 client. Arguments: the port and, for TLS, the file of the CA's certificate. */
final class NettyClient {
  private static final Map<Integer, CompletableFuture<FullHttpResponse>> WAITING =
      new ConcurrentHashMap<>();
  private static final LinkedBlockingQueue<String> PUSHED = new LinkedBlockingQueue<>();
  private static Channel channel;
  private static int next = 1;

  public static void main(String[] args) throws Exception {
    SslContext tls = args.length == 1 ? null
        : SslContextBuilder.forClient().trustManager(new File(args[1]))
            .applicationProtocolConfig(NettyServer.alpn()).build();
    int port = Integer.parseInt(args[0]);
    channel = new Bootstrap().group(new NioEventLoopGroup(1)).channel(NioSocketChannel.class)
        .handler(new ChannelInitializer<SocketChannel>() {
          @Override protected void initChannel(SocketChannel made) {
            ChannelPipeline pipeline = made.pipeline();
            if (tls != null) pipeline.addLast(tls.newHandler(made.alloc(), "localhost", port));
            pipeline.addLast(
                new SpdyFrameCodec(SpdyVersion.SPDY_3_1, 8192, 131072, 6, 15, 8),
                new SpdySessionHandler(SpdyVersion.SPDY_3_1, false),
                new SpdyHttpEncoder(SpdyVersion.SPDY_3_1),
                new SpdyHttpDecoder(SpdyVersion.SPDY_3_1, 64 << 20),
                new Answers());
          }
        }).connect("127.0.0.1", port).sync().channel();
    Check.that("GET", () -> text(get("/hello")).equals("hello"));
    byte[] body = Pattern.bytes(5 << 20);
    Check.that("5 MiB up", () -> text(await(send(HttpMethod.POST, "/digest", body)))
        .equals(Pattern.digest(body)));
    Check.that("5 MiB down", () -> Arrays.equals(bytes(get("/bytes/" + body.length)), body));
    Check.that("100 at once", () -> {
      List<CompletableFuture<FullHttpResponse>> all = new ArrayList<>();
      for (int at = 0; at < 100; at++) all.add(send(HttpMethod.GET, "/bytes/" + (50000 + at), null));
      for (int at = 0; at < 100; at++) {
        if (bytes(await(all.get(at))).length != 50000 + at) return false;
      }
      return true;
    });
    Check.that("big headers", () -> get("/headers/30").headers().get("x-29").length() == 1000);
    Check.that("HEAD", () -> bytes(await(send(HttpMethod.HEAD, "/hello", null))).length == 0);
    Check.that("204", () -> get("/204").status().code() == 204);
    Check.that("push", () -> {
      get("/push");
      List<String> pushed = new ArrayList<>();
      for (int at = 0; at < 3; at++) pushed.add(PUSHED.poll(20, TimeUnit.SECONDS));
      return pushed.containsAll(List.of("pushed 0", "pushed 1", "pushed 2"));
    });
    Check.that("cancel 20 downloads, then GET", () -> {
      for (int count = 0; count < 20; count++) {
        int id = next;
        send(HttpMethod.GET, "/bytes/5242880", null);
        // Within the transfer, whose end it may not be.
        get("/hello");
        channel.writeAndFlush(new DefaultSpdyRstStreamFrame(id, SpdyStreamStatus.CANCEL));
      }
      return bytes(get("/bytes/1000000")).length == 1000000;
    });
    System.exit(0);
  }

  private static CompletableFuture<FullHttpResponse> send(
      HttpMethod method, String path, byte[] body) {
    int id = next;
    next += 2;
    FullHttpRequest request = new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, method, path,
        body == null ? Unpooled.EMPTY_BUFFER : Unpooled.wrappedBuffer(body));
    request.headers().set("host", "localhost");
    request.headers().set(SpdyHttpHeaders.Names.STREAM_ID, id);
    request.headers().set(SpdyHttpHeaders.Names.SCHEME, "http");
    CompletableFuture<FullHttpResponse> response = new CompletableFuture<>();
    WAITING.put(id, response);
    channel.writeAndFlush(request);
    return response;
  }

  private static FullHttpResponse get(String path) throws Exception {
    return await(send(HttpMethod.GET, path, null));
  }

  private static FullHttpResponse await(CompletableFuture<FullHttpResponse> response)
      throws Exception {
    return response.get(60, TimeUnit.SECONDS);
  }

  private static byte[] bytes(FullHttpResponse response) {
    byte[] body = new byte[response.content().readableBytes()];
    response.content().getBytes(0, body);
    return body;
  }

  private static String text(FullHttpResponse response) {
    return new String(bytes(response));
  }

  private static final class Answers extends SimpleChannelInboundHandler<FullHttpResponse> {
    Answers() {
      super(false);
    }

    @Override protected void channelRead0(ChannelHandlerContext context, FullHttpResponse response) {
      int id = response.headers().getInt(SpdyHttpHeaders.Names.STREAM_ID);
      CompletableFuture<FullHttpResponse> waiting = WAITING.remove(id);
      if (waiting != null) waiting.complete(response);
      else PUSHED.add(text(response));
    }
  }
}
