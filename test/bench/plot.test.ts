import { describe, expect, it } from 'vitest';
import { drawReport } from '../../bench/src/plot/draw.js';
import { LogScale } from '../../bench/src/plot/log-scale.js';
import { readReport, type Report } from '../../bench/src/plot/report.js';
import { element, escapeXml, textElement } from '../../bench/src/plot/xml.js';
import { jsonOf } from '../../bench/src/report/json.js';
import type { ScenarioRounds } from '../../bench/src/results.js';
import { SCENARIOS } from '../../bench/src/scenarios/index.js';
import { xmlFaults } from './well-formed.js';

/** Every scenario of the benchmark with all of its peers, the later ones the better, in three rounds. */
const runs: ScenarioRounds[] = SCENARIOS.map((scenario) => ({
  scenario,
  peers: scenario.peers.map((peer, i) => ({
    peer,
    rounds: [8, 10, 12].map((value) =>
      Object.fromEntries(scenario.metrics.map(({ key }) => [key, value * (i + 1)])),
    ),
  })),
}));
const timing = { rounds: 3, roundMs: 1, warmUpMs: 1, isQuick: false };
const plan = {
  scenarios: SCENARIOS,
  peers: [],
  leftOut: [{ name: 'nest-nats', reason: 'it is not installed' }],
};
const report = readReport(jsonOf(new Date(0), timing, plan, runs));

const texts = (svg: string): string[] =>
  [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text = '']) => text);
const count = (svg: string, part: string): number => svg.split(part).length - 1;

describe('drawReport', () => {
  const svg = drawReport(report);

  it('is well-formed, and has no figure that is none', () => {
    expect(xmlFaults(svg)).toEqual([]);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('shows every scenario, and what is left out', () => {
    expect(texts(svg)).toEqual(expect.arrayContaining(SCENARIOS.map(({ name }) => name)));
    expect(svg).toContain('Left out: nest-nats.');
  });

  it('draws a bar with a whisker for every peer but the one that the others are compared with', () => {
    const bars = SCENARIOS.reduce((sum, { peers }) => sum + peers.length - 1, 0);
    expect(count(svg, 'class="bar ')).toBe(bars);
    expect(count(svg, 'class="whisker"')).toBe(bars);
  });

  it('shows the figures where there is nobody to compare with', () => {
    const alone = SCENARIOS.filter(({ peers }) => peers.length === 1);
    expect(alone.length).toBeGreaterThan(0);
    expect(texts(svg).filter((text) => /^[\d.,]+ \([\d.,]+ to [\d.,]+\)$/.test(text))).toHaveLength(
      alone.length,
    );
  });

  it('draws the median as the end of the bar, and the worst and the best round as the ends of the whisker', () => {
    const { bar, whisker } = only(ratios({ median: 10, min: 1, max: 100 }));
    expect(whisker.from).toBe(bar.from);
    expect(whisker.to - bar.from).toBeCloseTo(2 * (bar.to - bar.from), 1);
  });

  it('draws what is worse to the left', () => {
    const worse = only(ratios({ median: 0.1, min: 0.1, max: 0.1 })).bar;
    const better = only(ratios({ median: 10, min: 10, max: 10 })).bar;
    expect(worse.to).toBeCloseTo(better.from, 1);
    expect(worse.from).toBeLessThan(worse.to);
  });

  it('escapes what names contain', () => {
    const name = `<script>"a" & 'b'\u0007</script>`;
    const hostile = drawReport({
      ...report,
      machine: { ...report.machine, cpu: name },
      scenarios: report.scenarios.slice(0, 2).map((scenario) => ({ ...scenario, name })),
    });
    expect(xmlFaults(hostile)).toEqual([]);
    expect(count(hostile, '&lt;script&gt;&quot;a&quot; &amp; &apos;b&apos;&lt;/script&gt;')).toBe(3);
  });

  it('draws a report without scenarios', () => {
    expect(xmlFaults(drawReport({ ...report, scenarios: [] }))).toEqual([]);
  });
});

describe('readReport', () => {
  it.each(['{}', 'null', '{"format":2}'])('refuses %s', (text) => {
    expect(() => readReport(text)).toThrow('no report of form 3');
  });
});

describe('LogScale', () => {
  it('has 1 as far from twice as much as from half as much', () => {
    const scale = new LogScale([0.5, 2], 0, 100);
    expect(scale.place(2) - scale.place(1)).toBeCloseTo(scale.place(1) - scale.place(0.5));
  });

  it('begins and ends with a tick, and has a place for every ratio', () => {
    const scale = new LogScale([0.03, 450], 10, 90);
    expect(scale.ticks()).toEqual([0.01, 0.1, 1, 10, 100, 1_000]);
    expect(scale.place(0.01)).toBe(10);
    expect(scale.place(1_000)).toBe(90);
  });
});

describe('XML', () => {
  it('escapes text and attributes, and leaves out what XML has no place for', () => {
    expect(escapeXml(`a<b>&"c'\u0000`)).toBe('a&lt;b&gt;&amp;&quot;c&apos;');
    expect(textElement('text', { class: '"' }, '<')).toBe('<text class="&quot;">&lt;</text>');
  });

  it('refuses figures that have no place', () => {
    expect(() => element('rect', { x: Number.NaN })).toThrow(RangeError);
  });

  it.each(['<a>', '<a></b>', '<a/><b/>', '<a>&</a>', '<a b="<"/>', '<a b="1" b="2"/>', 'text'])(
    'a test sees that %s is none',
    (xml) => {
      expect(xmlFaults(xml)).not.toEqual([]);
    },
  );
});

/** A report of one scenario with two peers. */
function ratios(ratio: { median: number; min: number; max: number }): Report {
  const one = { median: 1, min: 1, max: 1 };
  const peers = {
    'nest-tcp': { ...one, timesBetterThan: { n2n: one } },
    n2n: { ...one, timesBetterThan: { 'nest-tcp': ratio } },
  };
  const metrics = [{ title: 'calls a second', digits: 0, peers }];
  return { ...report, scenarios: [{ name: 'one', subject: 'n2n', against: ['nest-tcp'], metrics }] };
}

/** The places of the only bar and its whisker, from left to right. */
function only(small: Report) {
  const svg = drawReport(small);
  const number = (pattern: RegExp): number => Number(pattern.exec(svg)?.[1]);
  const from = number(/class="bar [^>]* x="([\d.]+)"/);
  const whisker = /class="whisker"><line x1="([\d.]+)" x2="([\d.]+)"/.exec(svg);
  return {
    bar: { from, to: from + number(/class="bar [^>]* width="([\d.]+)"/) },
    whisker: { from: Number(whisker?.[1]), to: Number(whisker?.[2]) },
  };
}
