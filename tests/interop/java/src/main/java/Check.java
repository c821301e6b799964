import java.util.concurrent.Callable;

/** Prints what a client has tried: "pass NAME" or "FAIL NAME: why". */
final class Check {
  private Check() {}

  static void that(String name, Callable<Boolean> holds) {
    String failure;
    try {
      failure = holds.call() ? null : "another answer was expected";
    } catch (Exception thrown) {
      failure = thrown.toString();
    }
    System.out.println(failure == null ? "pass " + name : "FAIL " + name + ": " + failure);
  }
}
