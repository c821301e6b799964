import java.security.MessageDigest;

/** Bodies that both sides can make up and check; see pattern.ts. */
final class Pattern {
  private Pattern() {}

  static byte[] bytes(int size) {
    byte[] all = new byte[size];
    for (int at = 0; at < size; at++) all[at] = (byte) (at * 31 + (at >>> 8));
    return all;
  }

  /** "length sha256", as the other side computes it. */
  static String digest(byte[] body) throws Exception {
    StringBuilder text = new StringBuilder(body.length + " ");
    for (byte each : MessageDigest.getInstance("SHA-256").digest(body)) {
      text.append(String.format("%02x", each));
    }
    return text.toString();
  }

  /** The size in a path such as /bytes/1000. */
  static int sizeOf(String path) {
    return Integer.parseInt(path.substring(path.lastIndexOf('/') + 1));
  }
}
