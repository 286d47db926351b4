// State of the query being edited: target, evidence, the newest answer and the survey.

import { Superseded, type Transport } from "../core/transport";
import type { AnswerSummary, DistributionRecord, Evidence, Given, Latest, Question } from "./types";

// Milliseconds between surveys while a slider is dragged: answers take precedence.
const SURVEY_PERIOD = 400;

export class QuestionState {
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
  /** What is left of the survey of an answer. */
  #left: { of: string; columns: string[] } | null = null;
  #surveying = false;
  #surveyedAt = Number.NEGATIVE_INFINITY;

  constructor(transport: Transport, changed: () => void) {
    this.#transport = transport;
    this.#changed = changed;
  }

  /**
   * Show the session's question, which another view or Python may have asked, unless one from here
   * is under way. `target` is shown if there is no question.
   */
  adopt({ question, answer = null }: Partial<Latest>, target: string | null): void {
    if (this.#asking > 0) return;
    // The slice may be older than an answer that was received as a reply.
    if (answer && this.answer && answer.number < this.answer.number) return;
    if (question) this.#show(question);
    else {
      this.target = target;
      this.given = {};
      this.formula = "";
    }
    this.answer = answer;
    if (!answer) this.survey = {};
    this.#changed();
    this.#refreshSurvey();
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
      // Every answer is shown: while a slider is dragged, a newer question is always waiting.
      .latest("ask", payload, true)
      .then(
        ({ question, answer }) => {
          this.answer = answer;
          if (this.#asking === 1) this.#show(question);
          else if ("target" in payload) this.formula = question.formula;
        },
        (error: Error) => {
          if (!(error instanceof Superseded)) this.error = error.message;
        },
      )
      .finally(() => {
        this.#asking -= 1;
        this.#changed();
        this.#refreshSurvey();
      });
  }

  #show(question: Question): void {
    this.target = question.target;
    this.given = question.given;
    this.formula = question.formula;
  }

  /** Refresh the distributions of all other columns, but never ahead of an answer. */
  #refreshSurvey(): void {
    if (!this.answer || this.error) return;
    const now = performance.now();
    if (this.#asking > 0 && now < this.#surveyedAt + SURVEY_PERIOD) return;
    const wanted = `${this.answer.number}`;
    if (wanted === this.#surveyed || this.#surveying) return;
    this.#surveying = true;
    this.#surveyedAt = now;
    const columns = this.#left?.of === wanted ? this.#left.columns : undefined;
    this.#left = null;
    this.#transport
      .latest("survey", columns ? { columns } : {})
      .then(
        ({ columns, rest = [] }) => {
          if (rest.length) this.#left = { of: wanted, columns: rest };
          else this.#surveyed = wanted;
          this.survey = { ...this.survey, ...columns };
          this.#changed();
        },
        () => {
          this.#surveyed = wanted;
        },
      )
      .finally(() => {
        this.#surveying = false;
        if (this.#asking === 0) this.#refreshSurvey();
      });
  }
}
