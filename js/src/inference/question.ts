// The question being asked: what the user has set so far, the newest answer, and the survey.
import type {
  AnswerSummary,
  DistributionRecord,
  Evidence,
  Given,
  Question,
  Snapshot,
} from "../core/protocol";
import { Superseded, type Transport } from "../core/transport";

// While a slider is dragged, answers come first and the survey at most this often (milliseconds).
const SURVEY_PERIOD = 400;

export class Conversation {
  target: string | null = null;
  given: Given = {};
  formula = "";
  answer: AnswerSummary | null = null;
  survey: Record<string, DistributionRecord[]> = {};
  error = "";
  readonly #transport: Transport;
  readonly #changed: () => void;
  #asking = 0;
  #surveyed = "";
  #surveyWanted = false;
  #surveyedAt = Number.NEGATIVE_INFINITY;

  constructor(transport: Transport, changed: () => void) {
    this.#transport = transport;
    this.#changed = changed;
  }

  /** Take over what another view or a line of Python asked, unless the user is asking here. */
  adopt(snapshot: Snapshot): void {
    if (this.#asking > 0) return;
    const { question, answer } = snapshot;
    // A snapshot may have been taken before the answer that came here first.
    if (answer && this.answer && answer.number < this.answer.number) return;
    if (question) this.#settle(question);
    else {
      this.target = snapshot.choices.target;
      this.given = {};
      this.formula = "";
    }
    this.answer = answer;
    if (!answer) this.survey = {};
    this.#wantSurvey();
  }

  setTarget(target: string): void {
    this.target = target;
    const { [target]: _dropped, ...rest } = this.given;
    this.given = rest;
    this.#ask();
  }

  set(column: string, evidence: Evidence | null): void {
    const { [column]: _old, ...rest } = this.given;
    this.given = evidence ? { ...this.given, [column]: evidence } : rest;
    this.#ask();
  }

  clear(): void {
    this.given = {};
    this.#ask();
  }

  askFormula(formula: string): void {
    this.formula = formula;
    this.#send({ formula });
  }

  #ask(): void {
    if (this.target === null) return;
    this.#send({ target: this.target, given: this.given });
  }

  #send(payload: { formula: string } | { target: string; given: Given }): void {
    this.#asking += 1;
    this.error = "";
    this.#changed();
    this.#transport
      .latest("ask", payload)
      .then(
        ({ question, answer }) => {
          this.answer = answer;
          if (this.#asking === 1) this.#settle(question);
        },
        (error: Error) => {
          if (!(error instanceof Superseded)) this.error = error.message;
        },
      )
      .finally(() => {
        this.#asking -= 1;
        this.#changed();
        this.#wantSurvey();
      });
  }

  #settle(question: Question): void {
    this.target = question.target;
    this.given = question.given;
    this.formula = question.formula;
  }

  /** Refresh the distributions of all other columns, but never in the way of an answer. */
  #wantSurvey(): void {
    if (!this.answer || this.error) return;
    const now = performance.now();
    if (this.#asking > 0 && now < this.#surveyedAt + SURVEY_PERIOD) return;
    const wanted = `${this.answer.number}`;
    if (wanted === this.#surveyed || this.#surveyWanted) return;
    this.#surveyWanted = true;
    this.#surveyedAt = now;
    this.#transport
      .latest("survey", {})
      .then(
        ({ columns }) => {
          this.#surveyed = wanted;
          this.survey = columns;
          this.#changed();
        },
        () => {
          this.#surveyed = wanted;
        },
      )
      .finally(() => {
        this.#surveyWanted = false;
        if (this.#asking === 0) this.#wantSurvey();
      });
  }
}
