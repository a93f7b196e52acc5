/** A server that receives uploads until it is killed. It runs what is built. */
import express from "express";
import { glacis, publicAccess } from "glacis";
import { localStorage } from "glacis/data";
import { access, requestOf, secureExpress } from "glacis/express";
import { uploads } from "glacis/input";
import { bareLayers } from "glacis/testing";

const [root] = process.argv.slice(2);
const upload = uploads({ storage: localStorage({ root }), accept: ["txt"] });
const app = express();
const layers = bareLayers();
secureExpress(app, glacis({ ...layers, body: { ...layers.body, maxBytes: () => upload.bodyBytes } }));
app.post("/files", access(publicAccess("a test"), { csrfExempt: "a test" }), async (request, response) => {
  const { files } = await upload.receive(requestOf(request));
  response.json(files);
});
const server = app.listen(0, "127.0.0.1", () => process.send(server.address().port));
