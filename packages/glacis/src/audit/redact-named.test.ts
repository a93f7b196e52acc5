import { describe, expect, it } from "vitest";
import { redactText } from "./redact.ts";

describe("values behind telling names", () => {
  it.each([
    ["a list", '{"password":["hunter2","x"]}'],
    ["an object", '{"token":{"value":"hunter2"}}'],
    ["a one-time code", '{"otp":"hunter2"}'],
    ["a number", '{"pin":42424}'],
    ["a code of a card", "cvv=42424"],
    ["a short name", "sid=hunter2"],
    ["a name with an ending", "SECRET_KEY_BASE=hunter2"],
    ["a name of a connection text", "DefaultEndpointsProtocol=https;AccountKey=hunter2/x+y==;"],
    ["another language", "Passwort: hunter2"],
    ["far behind its name", "password =          hunter2"],
    ["bytes of Python", "{'password': b'hunter2'}"],
    ["a block of YAML", "password: |\n  hunter2\n"],
    ["an element", "<ns:password type='text'>hunter2</ns:password>"],
    ["an attribute", '<user password="hunter2"/>'],
    ["a multipart field", 'Content-Disposition: form-data; name="password"\r\n\r\nhunter2\r\n--x'],
    [
      "a multipart field with a type",
      'Content-Disposition: form-data; name="password"\r\nContent-Type: text/plain\r\n\r\nhunter2\r\n--x',
    ],
    ["an argument of a command", "mysql --password hunter2 -u root"],
    ["raw headers as Node prints them", "[ 'Authorization', 'Basic hunter2', 'Host', 'x' ]"],
    ["a cookie in raw headers", "[ 'Cookie', 'sid=hunter2' ]"],
    ["cookies in a list", "'set-cookie': [ 'sid=hunter2; Path=/' ]"],
    ["a pair of a name and a value", '{"name":"password","value":"hunter2"}'],
    ["what follows a comma", "password=abc,hunter2"],
    ["what follows a doubled quote", "UPDATE users SET password = 'abc''hunter2' WHERE id = 1"],
    ["words of a seed", "mnemonic: abandon ability hunter about above absent"],
    ["a name that is encoded twice", "x%253Fpassword%253Dhunter2"],
    ["a name with an escape", '{"passw\\u006frd":"hunter2"}'],
    ["a name with marks that nobody sees", "pass\u200bword=hunter2"],
  ])("are hidden: %s", (_, text) => {
    expect(redactText(text)).not.toMatch(/hunter2?|42424/u);
  });

  it.each([
    "password must have 8 characters",
    "token expired",
    "invalid token: unexpected end of input",
    "token: not found",
    "the key is rotated",
    "shopping: 3, mapping=4, options: x",
    'duplicate key value violates unique constraint "documents_pkey"',
    "Key (tenant_id, id)=(acme, 4) is not present",
    "Cookie settings saved",
    "status=passed",
    '{"name":"Folio","value":"12"}',
    "turkey=1, monkey: 2",
  ])("are not seen in ordinary lines: %s", (text) => {
    expect(redactText(text)).toBe(text);
  });
});
