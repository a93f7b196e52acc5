/** A process that moves a column to the current key and tells of each batch, until it is done or killed. It runs what is built. */
import { fieldEncryption, keyRing, rotateColumn } from "glacis/data";
import pg from "pg";

const [url, ring] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString: url, max: 1 });
const database = { query: async (text, values) => (await pool.query(text, values)).rows };
const column = fieldEncryption({ keys: keyRing(ring) }).column({ table: "people", column: "ssn" });

for await (const progress of rotateColumn({ database, column, batchRows: 20 })) process.send(progress);
await pool.end();
process.send("done");
process.disconnect();
