import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioEventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.*;
import io.netty.handler.codec.spdy.*;
import io.netty.handler.ssl.ApplicationProtocolConfig;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslContextBuilder;
import java.io.File;
import java.net.InetSocketAddress;

/** Netty's SPDY/3.1 server. Arguments: none, or the files of a certificate and its key. */
final class NettyServer {
  public static void main(String[] args) throws Exception {
    SslContext tls = args.length == 0 ? null
        : SslContextBuilder.forServer(new File(args[0]), new File(args[1]))
            .applicationProtocolConfig(alpn()).build();
    Channel server = new ServerBootstrap()
        .group(new NioEventLoopGroup(1)).channel(NioServerSocketChannel.class)
        .childHandler(new ChannelInitializer<SocketChannel>() {
          @Override protected void initChannel(SocketChannel channel) {
            ChannelPipeline pipeline = channel.pipeline();
            if (tls != null) pipeline.addLast(tls.newHandler(channel.alloc()));
            pipeline.addLast(
                new SpdyFrameCodec(SpdyVersion.SPDY_3_1, 8192, 131072, 6, 15, 8),
                new SpdySessionHandler(SpdyVersion.SPDY_3_1, true),
                new SpdyHttpEncoder(SpdyVersion.SPDY_3_1),
                new SpdyHttpDecoder(SpdyVersion.SPDY_3_1, 64 << 20),
                new Answers(tls == null ? "http" : "https"));
          }
        }).bind("127.0.0.1", 0).sync().channel();
    System.out.println(((InetSocketAddress) server.localAddress()).getPort());
    while (System.in.read() >= 0) {}
    System.exit(0);
  }

  static ApplicationProtocolConfig alpn() {
    return new ApplicationProtocolConfig(
        ApplicationProtocolConfig.Protocol.ALPN,
        ApplicationProtocolConfig.SelectorFailureBehavior.NO_ADVERTISE,
        ApplicationProtocolConfig.SelectedListenerFailureBehavior.ACCEPT, "spdy/3.1");
  }

  private static final class Answers extends SimpleChannelInboundHandler<FullHttpRequest> {
    private final String scheme;
    private int nextPush = 2;

    Answers(String scheme) {
      this.scheme = scheme;
    }

    @Override protected void channelRead0(ChannelHandlerContext context, FullHttpRequest request)
        throws Exception {
      int id = request.headers().getInt(SpdyHttpHeaders.Names.STREAM_ID);
      String path = request.uri();
      byte[] body = "hello".getBytes();
      HttpResponseStatus status = HttpResponseStatus.OK;
      HttpHeaders headers = new DefaultHttpHeaders();
      if (path.startsWith("/bytes/")) {
        body = Pattern.bytes(Pattern.sizeOf(path));
      } else if (path.equals("/digest")) {
        byte[] received = new byte[request.content().readableBytes()];
        request.content().readBytes(received);
        body = Pattern.digest(received).getBytes();
      } else if (path.startsWith("/headers/")) {
        for (int at = 0; at < Pattern.sizeOf(path); at++) headers.add("x-" + at, "v".repeat(1000));
        headers.set("x-received", request.headers().size());
      } else if (path.equals("/204")) {
        status = HttpResponseStatus.NO_CONTENT;
        body = new byte[0];
      } else if (path.equals("/reset")) {
        context.writeAndFlush(new DefaultSpdyRstStreamFrame(id, SpdyStreamStatus.INTERNAL_ERROR));
        return;
      } else if (path.equals("/goaway")) {
        // Its session handler sends GOAWAY when the connection is closed, and only then.
        context.writeAndFlush(response(id, status, headers, body))
            .addListener(written -> context.close());
        return;
      } else if (path.equals("/ping")) {
        context.writeAndFlush(new DefaultSpdyPingFrame(2));
      } else if (path.equals("/push")) {
        for (int count = 0; count < 3; count++) push(context, request, id, count);
      }
      if (request.method().equals(HttpMethod.HEAD)) body = new byte[0];
      context.writeAndFlush(response(id, status, headers, body));
    }

    private void push(ChannelHandlerContext context, FullHttpRequest request, int id, int count) {
      int pushed = nextPush;
      nextPush += 2;
      HttpRequest promise =
          new DefaultHttpRequest(HttpVersion.HTTP_1_1, HttpMethod.GET, "/pushed/" + count);
      promise.headers().set(SpdyHttpHeaders.Names.STREAM_ID, pushed);
      promise.headers().set(SpdyHttpHeaders.Names.ASSOCIATED_TO_STREAM_ID, id);
      promise.headers().set(SpdyHttpHeaders.Names.PRIORITY, 3);
      // The origin of the request: a push from another one is refused.
      promise.headers().set(SpdyHttpHeaders.Names.SCHEME, scheme);
      promise.headers().set("host", request.headers().get("host"));
      context.write(promise);
      context.writeAndFlush(response(pushed, HttpResponseStatus.OK, new DefaultHttpHeaders(),
          ("pushed " + count).getBytes()));
    }

    private static FullHttpResponse response(
        int id, HttpResponseStatus status, HttpHeaders headers, byte[] body) {
      FullHttpResponse response = new DefaultFullHttpResponse(
          HttpVersion.HTTP_1_1, status, Unpooled.wrappedBuffer(body));
      response.headers().add(headers);
      response.headers().set(SpdyHttpHeaders.Names.STREAM_ID, id);
      return response;
    }
  }
}
