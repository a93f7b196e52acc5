/** LaTeX of other people, held to commands that only set type (catalog converter-sandbox). */
import { deny } from "../core/decision.ts";
import { Refusal } from "../core/error-reason.ts";
import { rejectUnknownOptions } from "../core/options.ts";

export interface LatexTextOptions {
  /** Further commands without their backslash, such as `["SI"]`: each of them is yours to vouch for. */
  readonly allow?: readonly string[];
  /** The longest text, in UTF-16 code units. 200 000. */
  readonly maxLength?: number;
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/u);

/** They set type, and open, write, define or run nothing. */
const COMMANDS: ReadonlySet<string> = new Set(
  words(`
    begin end item section subsection subsubsection paragraph textbf textit texttt textsc textrm textsf emph underline
    tiny small footnotesize normalsize large Large LARGE huge Huge centering raggedright raggedleft noindent indent
    newline linebreak pagebreak newpage clearpage hspace vspace quad qquad hfill vfill smallskip medskip bigskip
    frac dfrac tfrac sqrt sum prod int oint lim infty partial nabla cdot times div pm mp leq geq neq approx equiv sim
    in notin subset subseteq cup cap emptyset forall exists neg land lor to rightarrow leftarrow Rightarrow
    leftrightarrow mapsto alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho
    sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega left right big Big
    mathrm mathbf mathit mathbb mathcal text overline hat bar vec dot ddot tilde sin cos tan log ln exp min max ldots
    cdots dots hline multicolumn caption label ref footnote LaTeX TeX today copyright S P dag ss ae AE oe OE o O aa AA
  `),
);
const ENVIRONMENTS: ReadonlySet<string> = new Set(
  words(
    "itemize enumerate description center flushleft flushright quote quotation tabular equation equation* align align* math displaymath array matrix pmatrix bmatrix verse",
  ),
);
/** A backslash before one of these only writes it, or sets space. */
const SYMBOLS = /^[\\{}$&#%_ ,;:!'"`^~.=()[\]/-]$/u;

/**
 * The same text, once it uses nothing but commands that set type. Two carets, by which TeX writes any character, and every command that is not on the
 * list refuse it: what a document may do is decided before the converter sees it.
 *
 * @throws Refusal with `input_invalid`
 * @throws TypeError on an unknown option
 * @example
 * const body = latexText(form.body, { allow: ["SI"] });
 */
export function latexText(text: string, options: LatexTextOptions = {}): string {
  rejectUnknownOptions("latexText", options, ["allow", "maxLength"]);
  const { allow = [], maxLength = 200_000 } = options;
  const further = new Set(allow);
  if (typeof text !== "string" || text.length > maxLength) throw refused("latex_size");
  if (text.includes("^^")) throw refused("latex_carets");
  for (const match of text.matchAll(/\\([A-Za-z@]+\*?|[^]|$)(?:\s*\{([^{}]{0,40})\})?/gu)) {
    const [, command = "", argument] = match;
    const name = command.replace(/\*$/u, "");
    if (SYMBOLS.test(command)) continue;
    if (!COMMANDS.has(name) && !further.has(name)) throw refused("latex_command");
    if ((name === "begin" || name === "end") && !ENVIRONMENTS.has(argument ?? "")) throw refused("latex_environment");
  }
  return text;
}

function refused(detail: string): Refusal {
  return new Refusal(
    deny("input_invalid", {
      event_type: "input_validation",
      status: "refused",
      severity: "warning",
      event: "input_validation_fail",
      control: "converter-sandbox",
      reason: "input_invalid",
      detail,
    }),
  );
}
