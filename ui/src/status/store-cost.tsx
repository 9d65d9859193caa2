/** What the store's requests cost, by prices that the reader may change; kept in the browser. */
import { useState } from 'preact/hooks';
import { recall, remember } from '../base/memory.ts';
import { Button } from '../components/button.tsx';
import { formatBytes, formatRate } from '../format/count.ts';
import { defaultPrices, formatDollars, monthlyCost, type Prices, type Usage } from './cost.ts';

const key = 'status.prices';

const kinds = [
  { name: 'writes', label: 'PUT, LIST', unit: '$ / 1,000' },
  { name: 'reads', label: 'GET', unit: '$ / 1,000' },
  { name: 'storage', label: 'stored in blocks', unit: '$ / GB and month' },
] as const;

export function StoreCost({ usage }: { readonly usage: Usage }) {
  const [prices, setPrices] = useState<Prices>(() => ({ ...defaultPrices, ...recall<Partial<Prices>>(key, {}) }));
  const change = (next: Prices): void => {
    setPrices(next);
    remember(key, next);
  };
  const cost = monthlyCost(usage, prices);
  const amounts = {
    writes: formatRate(usage.writesPerSecond),
    reads: formatRate(usage.readsPerSecond),
    storage: formatBytes(usage.storedBytes),
  };
  const isChanged = kinds.some(({ name }) => prices[name] !== defaultPrices[name]);
  return (
    <>
      <table class="table cost-table" aria-label="Cost a month">
        <thead>
          <tr>
            <th scope="col">Charged</th>
            <th scope="col" class="number">
              Amount
            </th>
            <th scope="col">Price</th>
            <th scope="col" class="number">
              A month
            </th>
          </tr>
        </thead>
        <tbody>
          {kinds.map(({ name, label, unit }) => (
            <tr key={name}>
              <td>{label}</td>
              <td class="number mono">{amounts[name]}</td>
              <td>
                <label class="cost-price">
                  <input
                    class="field mono"
                    type="number"
                    min="0"
                    step="any"
                    aria-label={`Price of ${label}`}
                    value={prices[name]}
                    onChange={(event) => {
                      const price = event.currentTarget.valueAsNumber;
                      if (price >= 0) change({ ...prices, [name]: price });
                    }}
                  />
                  <span class="soft">{unit}</span>
                </label>
              </td>
              <td class="number mono">{formatDollars(cost[name])}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row" colSpan={3}>
              Together
            </th>
            <td class="number mono">{formatDollars(cost.total)}</td>
          </tr>
        </tfoot>
      </table>
      <p class="soft cost-note">
        Requests a second since this process started × 2,592,000 s × price ÷ 1,000, and gigabytes × price. DELETE is
        free. Traffic out of the store’s region is not in it. The prices are those of S3 Standard in us-east-1 until you
        change them.{' '}
        {isChanged && (
          <Button kind="quiet" onClick={() => change(defaultPrices)}>
            Back to these
          </Button>
        )}
      </p>
    </>
  );
}
