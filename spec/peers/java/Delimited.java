import com.google.protobuf.ByteString;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import peers.All;
import peers.Blob;
import peers.Choice;
import peers.Colour;
import peers.Lists;
import peers.Maps;
import peers.Presence;
import peers.Scalars;
import peers.Tree;

/**
 * Delimited messages by the methods that gave the format its name: writeDelimitedTo and parseDelimitedFrom. Every message is
 * peers.All.
 *
 * <pre>
 * Delimited server             echoes every message; prints its port, then a line of JSON for each connection that ended;
 *                              stops at the end of its standard input
 * Delimited client HOST PORT   sends its messages, one at a time and then all at once, expects each back equal and a clean
 *                              end behind them; prints a line of JSON
 * </pre>
 */
final class Delimited {
  private static final long[] INT64 = {Long.MIN_VALUE, -(1L << 53) - 1, -1, 0, 1, (1L << 53) + 1, Long.MAX_VALUE};
  // Java has no unsigned integers: -1 is 2^64 - 1 on the wire, and Long.MIN_VALUE is 2^63.
  private static final long[] UINT64 = {0, 1, (1L << 53) + 1, Long.MIN_VALUE, -1};
  private static final int[] INT32 = {Integer.MIN_VALUE, -1, 0, 1, Integer.MAX_VALUE};

  public static void main(String[] args) throws Exception {
    if (args.length == 1 && args[0].equals("server")) {
      serve();
    } else if (args.length == 3 && args[0].equals("client")) {
      talk(args[1], Integer.parseInt(args[2]));
    } else {
      throw new IllegalArgumentException("server | client HOST PORT");
    }
  }

  private static List<All> messages() {
    Scalars upper =
        Scalars.newBuilder()
            .setADouble(Double.MAX_VALUE)
            .setAFloat(Float.MAX_VALUE)
            .setAnInt32(Integer.MAX_VALUE)
            .setAnInt64(Long.MAX_VALUE)
            .setAUint32(-1)
            .setAUint64(-1)
            .setASint32(Integer.MAX_VALUE)
            .setASint64(Long.MAX_VALUE)
            .setAFixed32(-1)
            .setAFixed64(-1)
            .setASfixed32(Integer.MAX_VALUE)
            .setASfixed64(Long.MAX_VALUE)
            .setABool(true)
            .setAString("grüße 日本語 😀")
            .setSomeBytes(content(256))
            .setAColour(Colour.GREEN)
            .setTheLastField(Integer.MAX_VALUE)
            .build();
    Scalars lower =
        Scalars.newBuilder()
            .setADouble(Double.MIN_VALUE)
            .setAFloat(-Float.MIN_VALUE)
            .setAnInt32(Integer.MIN_VALUE)
            .setAnInt64(Long.MIN_VALUE)
            .setASint32(Integer.MIN_VALUE)
            .setASint64(Long.MIN_VALUE)
            .setASfixed32(Integer.MIN_VALUE)
            .setASfixed64(Long.MIN_VALUE)
            .setAColour(Colour.INFRARED)
            .build();
    Lists.Builder lists = Lists.newBuilder();
    Maps.Builder maps = Maps.newBuilder();
    for (int value : INT32) {
      lists.addInt32S(value).addSint32S(value).addSfixed32S(value).addUint32S(value).addUnpackedInt32S(value);
      maps.putByInt32(value, Tree.newBuilder().setLabel("" + value).build());
      maps.putBySint32(value, value / 4.0).putBySfixed32(value, Colour.RED);
    }
    for (long value : INT64) {
      lists.addInt64S(value).addSint64S(value).addSfixed64S(value);
      maps.putByInt64(value, value).putBySint64(value, "" + value).putBySfixed64(value, value);
    }
    for (long value : UINT64) {
      lists.addUint64S(value).addFixed64S(value).addUnpackedUint64S(value);
      maps.putByUint64(value, value).putByFixed64(value, value == -1);
    }
    lists.addDoubles(0.1).addDoubles(Double.NaN).addDoubles(Double.NEGATIVE_INFINITY).addFloats(0.1f);
    lists.addColours(Colour.GREEN).addColoursValue(77).addUnpackedColours(Colour.INFRARED);
    maps.putByBool(true, Colour.GREEN).putByBool(false, Colour.INFRARED).putByString("", "empty");

    Tree tree = Tree.newBuilder().setLabel("leaf").build();
    for (int level = 0; level < 40; level++) {
      tree = Tree.newBuilder().setLabel("level " + level).setLeft(tree).addMore(Tree.newBuilder()).build();
    }

    List<All> all = new ArrayList<>();
    all.add(All.getDefaultInstance());
    all.add(All.newBuilder().setScalars(upper).build());
    all.add(All.newBuilder().setScalars(lower).build());
    all.add(All.newBuilder().setLists(lists).build());
    all.add(All.newBuilder().setMaps(maps).build());
    all.add(All.newBuilder().setTree(tree).build());
    all.add(All.newBuilder().setChoice(Choice.newBuilder().setLarge(-1)).build());
    all.add(All.newBuilder().setPresence(Presence.newBuilder().setNumber(0).setText("").setLarge(0)).build());
    all.add(All.newBuilder().setBlob(Blob.newBuilder().setContent(content(70_000))).build());
    all.add(All.getDefaultInstance());
    return all;
  }

  private static ByteString content(int length) {
    byte[] bytes = new byte[length];
    for (int index = 0; index < length; index++) {
      bytes[index] = (byte) (index * 7);
    }
    return ByteString.copyFrom(bytes);
  }

  private static void talk(String host, int port) throws Exception {
    List<All> messages = messages();
    try (Socket socket = new Socket(host, port)) {
      socket.setSoTimeout(10_000);
      InputStream in = socket.getInputStream();
      OutputStream out = socket.getOutputStream();
      for (All message : messages) {
        message.writeDelimitedTo(out);
        expect(message, All.parseDelimitedFrom(in), "one at a time");
      }
      Thread sending =
          new Thread(
              () -> {
                try {
                  OutputStream buffered = new BufferedOutputStream(out);
                  for (All message : messages) {
                    message.writeDelimitedTo(buffered);
                  }
                  buffered.flush();
                  socket.shutdownOutput();
                } catch (IOException error) {
                  throw new IllegalStateException(error);
                }
              });
      sending.start();
      for (All message : messages) {
        expect(message, All.parseDelimitedFrom(in), "all at once");
      }
      sending.join();
      if (All.parseDelimitedFrom(in) != null) {
        throw new IllegalStateException("a message came behind the last one");
      }
    }
    System.out.println("{\"messages\": " + 2 * messages.size() + ", \"end\": \"clean\"}");
  }

  /** Java's equality of messages takes NaN for equal to itself, and an absent field for other than its default. */
  private static void expect(All sent, All received, String how) {
    if (received == null) {
      throw new IllegalStateException(how + ": the stream ended where a message was due");
    }
    if (!sent.equals(received)) {
      throw new IllegalStateException(how + ": sent\n" + sent + "received\n" + received);
    }
  }

  private static void serve() throws Exception {
    ServerSocket server = new ServerSocket(0, 16, InetAddress.getLoopbackAddress());
    System.out.println(server.getLocalPort());
    Thread accepting =
        new Thread(
            () -> {
              try {
                while (true) {
                  Socket socket = server.accept();
                  new Thread(() -> echo(socket)).start();
                }
              } catch (IOException closed) {
                return;
              }
            });
    accepting.setDaemon(true);
    accepting.start();
    while (System.in.read() >= 0) {}
    System.exit(0);
  }

  private static void echo(Socket accepted) {
    int count = 0;
    String end = "clean";
    try (Socket socket = accepted) {
      InputStream in = socket.getInputStream();
      OutputStream out = socket.getOutputStream();
      for (All message; (message = All.parseDelimitedFrom(in)) != null; count++) {
        message.writeDelimitedTo(out);
      }
    } catch (com.google.protobuf.InvalidProtocolBufferException error) {
      end = "truncated";
    } catch (IOException error) {
      end = "reset";
    }
    System.out.println("{\"messages\": " + count + ", \"end\": \"" + end + "\"}");
  }
}
