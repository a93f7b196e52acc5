/** How statements reach Postgres: several of them in one round trip where the driver can, always one statement per message. */
import { flightsOver } from "./tenant-flight.ts";
import {
  asQuery,
  type Answer,
  type EmbeddedTransaction,
  type PoolConnection,
  type Send,
  type Statement,
  type Wire,
} from "./tenant-wire.ts";

/**
 * The quickest way that a lent connection offers. A pool made with `pipeline: true` sends without waiting for answers; any other `pg`
 * connection takes a flight as one query object; and what is neither, such as a wrapper or the native bindings, gets one statement at a time.
 */
export function wireOf(client: PoolConnection): Wire {
  if ((client as { readonly pipeline?: unknown }).pipeline === true)
    return { send: pipelined(client), atomic: false, connection: client };
  const together = flightsOver(client);
  if (together !== undefined) return { send: inOrder(together), atomic: true, connection: client };
  return {
    send: inOrder(oneByOne((statement) => client.query(asQuery(statement)))),
    atomic: false,
    connection: client,
  };
}

/** PGlite answers from memory: there is no round trip to save. */
export function embeddedWire(transaction: EmbeddedTransaction, connection: object): Wire {
  const send = oneByOne(({ text, values, rowMode }) =>
    transaction.query(text, [...values], { rowMode: rowMode ?? "object" }),
  );
  return { send: inOrder(send), atomic: false, connection };
}

/** A connection does one thing at a time: what is asked meanwhile waits here, so that flights do not mix. */
function inOrder(send: Send): Send {
  let last: Promise<unknown> = Promise.resolve();
  return (statements) => {
    const flight = last.then(() => send(statements));
    last = flight;
    return flight;
  };
}

function oneByOne(run: (statement: Statement) => Promise<Answer>): Send {
  return async (statements) => {
    const answers: Answer[] = [];
    for (const [at, statement] of statements.entries()) {
      try {
        answers.push(await run(statement));
      } catch (error) {
        return { answers, failure: { at, error } };
      }
    }
    return { answers, failure: undefined };
  };
}

/** Everything is on the wire before the first answer; a statement behind one that failed fails as well, inside its transaction. */
function pipelined(client: PoolConnection): Send {
  return async (statements) => {
    const outcomes = await Promise.allSettled(statements.map((statement) => client.query(asQuery(statement))));
    const answers: Answer[] = [];
    for (const [at, outcome] of outcomes.entries()) {
      if (outcome.status === "rejected") return { answers, failure: { at, error: outcome.reason } };
      answers.push(outcome.value);
    }
    return { answers, failure: undefined };
  };
}
