// What training added to each column's answers: small bars in nats per validation cell.
import { colorOf } from "../../ui/colors";
import { gain, NO_GAIN } from "../../ui/format";
import { Name } from "../../ui/parts";
import type { Gain } from "./types";

/** Smaller gains fill a part of the track only, so that noise does not look like much. */
const FULL = 0.1;

/** Each gain's bar, as shares of the track; those below zero lie left of the axis. */
export function bars(gains: readonly Gain[]): { left: number; width: number }[] {
  const nats = gains.map((one) => one.nats ?? 0);
  const low = Math.min(0, ...nats);
  const span = Math.max(FULL, Math.max(0, ...nats) - low);
  return nats.map((value) => ({
    left: (Math.min(0, value) - low) / span,
    width: Math.abs(value) / span,
  }));
}

/** The whole in a sentence. */
export function verdict(gains: readonly Gain[]): string {
  const nats = gains.flatMap((one) => (one.nats === null ? [] : [one.nats]));
  const better = nats.filter((one) => one >= NO_GAIN).length;
  if (better === 0) return "Training added nothing measurable: the pretrained answers stand.";
  const mean = nats.reduce((sum, one) => sum + one, 0) / nats.length;
  const measured = nats.length === gains.length ? "" : " measured";
  const of =
    better === nats.length
      ? `every${measured} column`
      : `${better} of ${nats.length}${measured} columns`;
  return `Training improved ${of}; ${gain(mean)} nats per cell over all.`;
}

export function Gains(props: { gains: readonly Gain[]; columns: readonly string[] }) {
  const { gains, columns } = props;
  if (!gains.length) return null;
  const drawn = bars(gains);
  return (
    <div class="tw-gains">
      <div class="tw-row tw-spread">
        <span class="tw-label">Added by training</span>
        <span class="tw-label">nats per validation cell</span>
      </div>
      <ul aria-label="Added by training">
        {gains.map(({ column, nats }, i) => {
          const none = Math.abs(nats ?? 0) < NO_GAIN;
          const { left, width } = drawn[i] ?? { left: 0, width: 0 };
          return (
            <li key={column} style={{ "--tw-hue": colorOf(column, columns) }}>
              <span class="tw-gain-name">
                <Name text={column} />
              </span>
              <span class="tw-gain-track" aria-hidden="true">
                <span
                  class={(nats ?? 0) < 0 ? "tw-gain-bar tw-loss" : "tw-gain-bar"}
                  style={{ left: `${100 * left}%`, width: `${none ? 0 : 100 * width}%` }}
                />
              </span>
              <span
                class={none ? "tw-gain-value tw-none" : "tw-gain-value"}
                title={nats === null ? "not measured: train longer" : ""}
              >
                {nats === null ? "–" : none ? "no gain" : gain(nats)}
              </span>
            </li>
          );
        })}
      </ul>
      <p class="tw-label">{verdict(gains)}</p>
    </div>
  );
}
