// The estimated cost of a fit, before it starts.
import { bytes, count, seconds } from "../../ui/format";
import type { Cost } from "./types";

export function CostLine({ cost }: { cost: Cost | null }) {
  if (!cost) return null;
  const trained = cost.n_trained < cost.n_parameters ? `, ${count(cost.n_trained)} trained` : "";
  const facts = [
    `${count(cost.n_parameters)} parameters${trained}`,
    `${count(cost.tokens_per_row)} tokens per row`,
    `about ${seconds(cost.seconds_per_epoch)} per epoch`,
    `${bytes(cost.memory)} of ${bytes(cost.free)} free`,
  ];
  return (
    <div class="tw-cost" role="note" aria-label="Training cost">
      <p class="tw-label">{facts.join(" · ")}</p>
      {cost.advice && <p class="tw-advice">{cost.advice}</p>}
    </div>
  );
}
