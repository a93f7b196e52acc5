#!/usr/bin/env node
import { run } from "./program.ts";

const exitCode = await run(process.argv.slice(2));
// A configuration may have opened a database pool or a timer; what was asked for is answered, and those must not keep the process.
process.stdout.write("", () => process.exit(exitCode));
