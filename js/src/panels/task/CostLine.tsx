// What a fit will take, before it is started.

import type { Cost } from "../../core/protocol";
import { bytes, count, seconds } from "../../ui/format";

export function CostLine({ cost }: { cost: Cost | null }) {
  if (!cost) return null;
  const trained =
    cost.n_trained < cost.n_parameters ? `, ${count(cost.n_trained)} of them trained` : "";
  const facts = [
    `${count(cost.n_parameters)} parameters${trained}`,
    `${count(cost.tokens_per_row)} tokens a row`,
    `about ${seconds(cost.seconds_per_epoch)} a pass over the rows`,
    `${bytes(cost.memory)} of ${bytes(cost.free)} free`,
  ];
  return (
    <div class="tw-cost" role="note" aria-label="What training takes">
      <p class="tw-label">{facts.join(" · ")}</p>
      {cost.advice && <p class="tw-advice">{cost.advice}</p>}
    </div>
  );
}
