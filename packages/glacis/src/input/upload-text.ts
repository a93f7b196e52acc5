/** Text is what no signature proves: valid UTF-8, no control characters, and nothing at its start that a browser or a shell would run. */
import { fault, type QuarantinedFile, type UploadFault } from "./upload-fault.ts";

const WINDOW = 256 * 1024;
/** All but tab, line feed, form feed and carriage return. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000e-\u001f\u007f]/u;
/** MIME Sniffing section 7.1, what else a page that runs something may begin with, and the starts of programs. */
const MARKUP =
  /^(?:<(?:!doctype|!entity|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|svg|object|embed|meta|link|form|img|image|math|video|audio|details|input|button|select|textarea|marquee|template|base|frameset|applet|noscript|plaintext|xmp)(?=[\s/>])|<[a-z][\w:-]*[\s/](?:[^<>]{0,500}[\s/"'])?on[a-z]{3,24}\s*=|<!--|<[?%]|#!|%pdf-|\{\\rtf)/iu;

/** Judges a file by streaming it through a strict decoder. @param look at each stretch of it besides */
export async function judgeText(
  file: QuarantinedFile,
  look: (text: string) => UploadFault | undefined = () => undefined,
): Promise<UploadFault | undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  for (let position = 0; position < file.size; position += WINDOW) {
    const bytes = await file.read(position, WINDOW);
    const text = tryDecode(decoder, bytes, position + bytes.length < file.size);
    if (text === undefined) return fault("text_encoding");
    if (CONTROL.test(text)) return fault("text_control_character");
    if (position === 0 && MARKUP.test(text.trimStart())) return fault("text_markup");
    const found = look(text);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The whole of a small file as text; undefined when it is not UTF-8. */
export async function readUtf8(file: QuarantinedFile): Promise<string | undefined> {
  return tryDecode(new TextDecoder("utf-8", { fatal: true }), await file.read(0, file.size), false);
}

function tryDecode(decoder: InstanceType<typeof TextDecoder>, bytes: Buffer, stream: boolean): string | undefined {
  try {
    return decoder.decode(bytes, { stream });
  } catch {
    return undefined;
  }
}
