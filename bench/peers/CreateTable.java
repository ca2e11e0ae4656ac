import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.iceberg.PartitionSpec;
import org.apache.iceberg.Schema;
import org.apache.iceberg.catalog.Namespace;
import org.apache.iceberg.catalog.TableIdentifier;
import org.apache.iceberg.hadoop.HadoopCatalog;
import org.apache.iceberg.types.Types;

/** Makes the table that Iceberg's sink writes to: java -cp JARS CreateTable.java WAREHOUSE TEXT-COLUMN,… FLAG-COLUMN,… */
class CreateTable {
  public static void main(String[] arguments) {
    List<Types.NestedField> fields = new ArrayList<>();
    fields.add(Types.NestedField.optional(1, "event_time", Types.TimestampType.withZone()));
    for (String name : arguments[1].split(",")) {
      fields.add(Types.NestedField.optional(fields.size() + 1, name, Types.StringType.get()));
    }
    for (String name : arguments[2].split(",")) {
      fields.add(Types.NestedField.optional(fields.size() + 1, name, Types.BooleanType.get()));
    }
    Schema schema = new Schema(fields);
    PartitionSpec byDay = PartitionSpec.builderFor(schema).day("event_time").build();
    HadoopCatalog catalog = new HadoopCatalog(new Configuration(), arguments[0]);
    catalog.createNamespace(Namespace.of("bench"));
    Map<String, String> properties = Map.of("write.parquet.compression-codec", "zstd", "write.parquet.compression-level", "1");
    catalog.createTable(TableIdentifier.of("bench", "events"), schema, byDay, properties);
  }
}
