// State of the query being edited: targets, evidence, the newest answer, curve and survey.

import { Superseded, type Transport } from "../core/transport";
import { Curve } from "./curve";
import { type Move, moves, type Survey } from "./moved";
import type { AnswerSummary, Evidence, Given, Latest, Question } from "./types";

// Milliseconds between surveys while a slider is dragged: answers take precedence.
const SURVEY_PERIOD = 60;

// Milliseconds between questions whose answers are read off a curve.
const ASK_PERIOD = 120;

// Milliseconds between curves while a model is trained.
const CURVE_PERIOD = 1000;

/** Milliseconds without a change after which the survey counts as what one saw before. */
const PAUSE = 500;

/** Columns named as those that moved most. */
const MOST_MOVED = 3;

/** A slider in hand. */
interface Held {
  column: string;
  positions: readonly number[];
}

export class QuestionState {
  target: string | null = null;
  /** Asked together with the target. */
  second: string | null = null;
  given: Given = {};
  formula = "";
  answer: AnswerSummary | null = null;
  /** The evidence of the answer that is shown: while a slider is dragged it may lag behind. */
  answered: Given = {};
  survey: Survey = {};
  /** The answer over the range of the column last held. */
  curve: Curve | null = null;
  /** What moved most since the last answer. */
  moved: Move[] = [];
  error = "";
  readonly #transport: Transport;
  readonly #changed: () => void;
  #asking = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #soon: ReturnType<typeof setTimeout> | undefined;
  #changedAt = Number.NEGATIVE_INFINITY;
  /** The survey before the newest change. */
  #before: Survey = {};
  /** Number of the answer after which each column was surveyed. */
  readonly #surveyed = new Map<string, number>();
  #surveying = false;
  #surveyedAt = Number.NEGATIVE_INFINITY;
  #visible: readonly string[] | null = null;
  #held: Held | null = null;
  #curving = false;
  #curvedAt = Number.NEGATIVE_INFINITY;

  constructor(transport: Transport, changed: () => void) {
    this.#transport = transport;
    this.#changed = changed;
  }

  /**
   * Show the session's question, which another view or Python may have asked, unless one from here
   * is under way. `target` is shown if there is no question.
   */
  adopt({ question, answer = null }: Partial<Latest>, target: string | null): void {
    if (this.#asking > 0 || this.#soon !== undefined) return;
    // The slice may be older than an answer that was received as a reply.
    if (answer && this.answer && answer.number < this.answer.number) return;
    if (answer?.number !== this.answer?.number) this.#remember();
    const news = answer !== null && answer.number !== this.answer?.number;
    if (question) this.#show(question);
    else {
      this.target = target;
      this.second = null;
      this.given = {};
      this.formula = "";
    }
    this.answer = answer;
    this.answered = this.given;
    if (!answer) {
      this.survey = {};
      this.#surveyed.clear();
      this.curve = null;
    }
    this.#changed();
    // The model may have learned since the curve was computed.
    if (news) this.#refreshCurve(true);
    this.#refreshSurvey();
  }

  setTarget(target: string): void {
    this.target = target;
    this.second = null;
    const { [target]: _dropped, ...rest } = this.given;
    this.given = rest;
    this.#ask();
  }

  /** Ask for a second column together with the target; null ends it. */
  setSecond(second: string | null): void {
    this.second = second === this.target ? null : second;
    if (second !== null) {
      const { [second]: _dropped, ...rest } = this.given;
      this.given = rest;
    }
    this.#ask();
  }

  set(column: string, evidence: Evidence | null): void {
    const { [column]: _old, ...rest } = this.given;
    this.given = evidence ? { ...this.given, [column]: evidence } : rest;
    if (this.#readCurve()) this.#askSoon();
    else this.#ask();
  }

  /** Replace all evidence; that on a target is left out. */
  setAll(given: Given): void {
    const targets = [this.target, this.second];
    this.given = Object.fromEntries(
      Object.entries(given).filter(([column]) => !targets.includes(column)),
    );
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

  /** A slider is taken in hand: compute the answer at all its positions. */
  hold(column: string, positions: readonly number[]): void {
    this.#held = { column, positions };
    this.#refreshCurve();
  }

  /** The columns on screen: they are surveyed first, and the others when there is time. */
  look(visible: readonly string[]): void {
    if (visible.join("\n") === this.#visible?.join("\n")) return;
    this.#visible = visible;
    this.#refreshSurvey();
  }

  /** Ask at once or a little later: the answer is on the curve, and the survey needs the kernel. */
  #askSoon(): void {
    this.#remember();
    this.#changed();
    if (this.#soon !== undefined) return;
    const wait = Math.max(0, this.#askedAt + ASK_PERIOD - performance.now());
    this.#soon = setTimeout(() => this.#ask(), wait);
  }

  #ask(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    this.#askedAt = performance.now();
    if (this.target === null) return;
    const { target, second, given } = this;
    this.#send(second === null ? { target, given } : { target, second, given });
  }

  #send(payload: { formula: string } | { target: string; second?: string; given: Given }): void {
    this.#remember();
    this.#asking += 1;
    this.error = "";
    this.#changed();
    this.#transport
      // Every answer is shown: while a slider is dragged, a newer question is always waiting.
      .latest("ask", payload, true)
      .then(
        ({ question, answer }) => {
          const newest = this.#asking === 1 && this.#soon === undefined;
          // What the curve says of the slider's newest position is newer than the reply.
          const found = newest ? null : this.#onCurve();
          this.answer = { ...answer, ...found };
          if (!found) this.answered = question.given;
          if (newest) this.#show(question);
          else if ("target" in payload) this.formula = question.formula;
        },
        (error: Error) => {
          if (!(error instanceof Superseded)) this.error = error.message;
        },
      )
      .finally(() => {
        this.#asking -= 1;
        this.#changed();
        this.#refreshCurve();
        this.#refreshSurvey();
      });
  }

  #show(question: Question): void {
    this.target = question.target;
    this.second = question.second ?? null;
    this.given = question.given;
    this.formula = question.formula;
  }

  /** Keep the survey as it is before a change, once for a whole drag. */
  #remember(): void {
    const now = performance.now();
    if (now > this.#changedAt + PAUSE) this.#before = this.survey;
    this.#changedAt = now;
  }

  /** Identifies what a curve is of. */
  #curveKey(column: string): string {
    const { [column]: _own, ...rest } = this.given;
    return JSON.stringify([this.target, column, rest]);
  }

  /** The answer that the curve has for the slider's position; null without one. */
  #onCurve(): ReturnType<Curve["at"]> {
    const { curve } = this;
    if (!curve || curve.key !== this.#curveKey(curve.column)) return null;
    const evidence = this.given[curve.column];
    if (evidence?.op !== "is" || typeof evidence.value !== "number") return null;
    return curve.at(evidence.value);
  }

  /** Show what the curve says, without waiting for the kernel. */
  #readCurve(): boolean {
    const found = this.#onCurve();
    if (!found || !this.answer) return false;
    this.answer = { ...this.answer, ...found };
    this.answered = this.given;
    return true;
  }

  /** Compute the curve of the slider in hand, if the one there is of another question. */
  #refreshCurve(anew = false): void {
    const held = this.#held;
    if (!held || this.target === null || this.second !== null || !this.answer) return;
    if (held.column === this.target || !held.positions.length) return;
    const key = this.#curveKey(held.column);
    const now = performance.now();
    if (anew ? now < this.#curvedAt + CURVE_PERIOD : this.curve?.key === key) return;
    if (this.#curving) return;
    const { [held.column]: _own, ...given } = this.given;
    const { column, positions } = held;
    const payload = { target: this.target, given, column, values: [...positions] };
    this.#curving = true;
    this.#curvedAt = now;
    this.#transport
      .requestWithBuffers("sweep", payload)
      .then(
        ({ ok, buffers }) => {
          this.curve = new Curve(key, payload.target, column, positions, ok, buffers[0]);
          if (this.#asking > 0 || this.#soon !== undefined) this.#readCurve();
          this.#changed();
        },
        () => {},
      )
      .finally(() => {
        this.#curving = false;
        // The question may have changed meanwhile.
        if (this.curve?.key === key) this.#refreshCurve();
      });
  }

  /** Refresh the distributions of the other columns, but never ahead of an answer. */
  #refreshSurvey(): void {
    const { answer } = this;
    if (!answer || this.error || this.#surveying || !this.#visible) return;
    const now = performance.now();
    const dragging = this.#asking > 0 || this.#soon !== undefined;
    if (dragging && now < this.#surveyedAt + SURVEY_PERIOD) return;
    const due = (column: string) =>
      (this.#surveyed.get(column) ?? 0) < answer.number && !(column in this.given);
    const columns = this.#visible.filter(due);
    if (!columns.length) return;
    this.#surveying = true;
    this.#surveyedAt = now;
    this.#transport
      .request("survey", { columns })
      .then(
        ({ columns: found, rest = [] }) => {
          for (const column of columns) {
            if (!rest.includes(column)) this.#surveyed.set(column, answer.number);
          }
          this.survey = { ...this.survey, ...found };
          const asked = [this.target, this.second];
          const moved = moves(this.#before, this.survey, MOST_MOVED + asked.length);
          this.moved = moved.filter((one) => !asked.includes(one.column)).slice(0, MOST_MOVED);
          this.#changed();
        },
        () => {
          for (const column of columns) this.#surveyed.set(column, answer.number);
        },
      )
      .finally(() => {
        this.#surveying = false;
        this.#refreshSurvey();
      });
  }
}
