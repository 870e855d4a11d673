import java.io.BufferedReader;
import java.io.InputStreamReader;
import org.apache.maven.artifact.versioning.ComparableVersion;

/** Answers each line "a TAB b" with the order that Maven gives the two. */
class CompareMaven {
    public static void main(String[] args) throws Exception {
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            var parts = line.split("\t");
            System.out.println(Integer.signum(new ComparableVersion(parts[0]).compareTo(new ComparableVersion(parts[1]))));
        }
    }
}
