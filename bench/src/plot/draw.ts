import { figure, groupsOf, type Group, type Row } from './groups.js';
import { LogScale } from './log-scale.js';
import type { Report } from './report.js';
import { STYLE } from './style.js';
import { element, textElement } from './xml.js';

const WIDTH = 1000;
const MARGIN = 20;
const COLUMNS = 2;
const COLUMN_GAP = 30;
const COLUMN_WIDTH = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * COLUMN_GAP) / COLUMNS;
const HEAD_HEIGHT = 78;
const AXIS_HEIGHT = 18;
const GROUP_HEAD = 32;
const GROUP_GAP = 12;
const ROW_HEIGHT = 15;
const BAR_HEIGHT = 9;
const CAP = 5;
/** For the names of the peers, and for the figures at the end of the bars. */
const NAMES_WIDTH = 104;
const VALUES_WIDTH = 50;

/** A column's place, and the scale that all bars share. */
interface Frame {
  readonly left: number;
  readonly right: number;
  readonly scale: LogScale;
}

/** The run as an SVG: for each scenario a bar a peer, with whiskers from its worst round to its best. */
export function drawReport(report: Report): string {
  const groups = groupsOf(report);
  const ratios = groups
    .filter(({ baseline }) => baseline !== undefined)
    .flatMap(({ rows }) => rows.flatMap(({ value }) => [value.min, value.max]));
  const columns = columnsOf(groups);
  const bodyHeight = Math.max(...columns.map(heightOf), 0);
  const height = HEAD_HEIGHT + AXIS_HEIGHT + bodyHeight + MARGIN;
  const body = columns.flatMap((column, i) => {
    const left = MARGIN + i * (COLUMN_WIDTH + COLUMN_GAP);
    const right = left + COLUMN_WIDTH;
    const scale = new LogScale(ratios, left + NAMES_WIDTH, right - VALUES_WIDTH);
    return drawColumn(column, { left, right, scale });
  });
  const title = 'nestjs-n2n beside its peers, in one run';
  return `${element(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      viewBox: `0 0 ${WIDTH} ${height}`,
      width: WIDTH,
      height,
      role: 'img',
      'aria-labelledby': 'title',
    },
    [
      textElement('title', { id: 'title' }, title),
      textElement('style', {}, STYLE),
      element('rect', { class: 'panel', width: WIDTH, height, rx: 8 }),
      ...drawHead(title, report),
      ...body,
    ].map((line) => `\n${line}`),
  )}\n`;
}

function drawHead(title: string, { startedAt, machine, timing, leftOut }: Report): string[] {
  const lines = [
    'How many times better than Nest’s TCP transport (or than the peer named), above 1 is better. Logarithmic.',
    `Bars: the median of the ratios of each round. Whiskers: its worst and its best round, of ${timing.rounds}. ` +
      `${startedAt.slice(0, 10)}, Node ${machine.node}, ${machine.cores} cores, ${machine.cpu}.` +
      (timing.isQuick ? ' A quick run: its rounds are too short to say anything.' : '') +
      (leftOut.length === 0 ? '' : ` Left out: ${leftOut.map(({ name }) => name).join(', ')}.`),
  ];
  return [
    textElement('text', { class: 'title', x: MARGIN, y: 28 }, title),
    ...lines.map((line, i) => textElement('text', { class: 'note', x: MARGIN, y: 47 + i * 15 }, line)),
  ];
}

/** As many groups in the first column as come before the middle, the rest in the second. */
function columnsOf(groups: readonly Group[]): Group[][] {
  const half = heightOf(groups) / COLUMNS;
  const columns: Group[][] = Array.from({ length: COLUMNS }, () => []);
  let above = 0;
  for (const group of groups) {
    const middle = above + heightOf([group]) / 2;
    columns[Math.min(COLUMNS - 1, Math.floor(middle / half))]?.push(group);
    above += heightOf([group]);
  }
  return columns;
}

function heightOf(groups: readonly Group[]): number {
  return groups.reduce((sum, { rows }) => sum + GROUP_HEAD + rows.length * ROW_HEIGHT + GROUP_GAP, 0);
}

function drawColumn(groups: readonly Group[], frame: Frame): string[] {
  const axisY = HEAD_HEIGHT + AXIS_HEIGHT - 6;
  const ticks = frame.scale
    .ticks()
    .map((tick) =>
      textElement(
        'text',
        { class: 'tick', x: frame.scale.place(tick), y: axisY },
        `${tick.toLocaleString('en-US')}×`,
      ),
    );
  let top = HEAD_HEIGHT + AXIS_HEIGHT;
  const drawn = groups.map((group) => {
    const lines = drawGroup(group, top, frame);
    top += heightOf([group]);
    return element('g', {}, lines);
  });
  return [...ticks, ...drawn];
}

function drawGroup(group: Group, top: number, frame: Frame): string[] {
  const { name, metric, baseline, rows } = group;
  const note = baseline === undefined ? metric : `${metric}; 1× is ${baseline.peer}: ${baseline.median}`;
  const bottom = top + GROUP_HEAD + rows.length * ROW_HEIGHT;
  const grid = baseline === undefined ? [] : drawGrid(top + GROUP_HEAD - 3, bottom, frame);
  return [
    textElement('text', { class: 'name', x: frame.left, y: top + 13 }, name),
    textElement('text', { class: 'note', x: frame.left, y: top + 26 }, note),
    ...grid,
    ...rows.flatMap((row, i) => {
      const middle = top + GROUP_HEAD + (i + 0.5) * ROW_HEIGHT;
      return baseline === undefined ? drawFigure(row, middle, frame) : drawBar(row, middle, frame);
    }),
  ];
}

function drawGrid(top: number, bottom: number, { scale }: Frame): string[] {
  return scale.ticks().map((tick) =>
    element('line', {
      class: tick === 1 ? 'one' : 'grid',
      x1: scale.place(tick),
      x2: scale.place(tick),
      y1: top,
      y2: bottom,
    }),
  );
}

function drawBar({ peer, isSubject, value }: Row, middle: number, { left, right, scale }: Frame): string[] {
  const one = scale.place(1);
  const end = scale.place(value.median);
  return [
    textElement('text', { class: isSubject ? 'peer subject' : 'peer', x: left, y: middle + 4 }, peer),
    element('rect', {
      class: `bar ${familyOf(peer)}`,
      x: Math.min(one, end),
      y: middle - BAR_HEIGHT / 2,
      width: Math.abs(end - one),
      height: BAR_HEIGHT,
    }),
    drawWhisker(scale.place(value.min), scale.place(value.max), middle),
    textElement(
      'text',
      { class: isSubject ? 'value subject' : 'value', x: right, y: middle + 4 },
      times(value.median),
    ),
  ];
}

function drawWhisker(worst: number, best: number, middle: number): string {
  const [top, bottom] = [middle - CAP / 2, middle + CAP / 2];
  return element('g', { class: 'whisker' }, [
    element('line', { x1: worst, x2: best, y1: middle, y2: middle }),
    ...[worst, best].map((x) => element('line', { x1: x, x2: x, y1: top, y2: bottom })),
  ]);
}

function drawFigure({ peer, isSubject, value, digits }: Row, middle: number, { left }: Frame): string[] {
  const [median, min, max] = [value.median, value.min, value.max].map((each) => figure(each, digits));
  return [
    textElement('text', { class: isSubject ? 'peer subject' : 'peer', x: left, y: middle + 4 }, peer),
    textElement(
      'text',
      { class: 'peer', x: left + NAMES_WIDTH, y: middle + 4 },
      `${median} (${min} to ${max})`,
    ),
  ];
}

function familyOf(peer: string): string {
  if (peer.startsWith('n2n') || peer === 'node-transport') return 'ours';
  if (peer.startsWith('nest-')) return 'nest';
  return peer.startsWith('tcp-') ? 'floor' : 'other';
}

function times(ratio: number): string {
  return `${ratio.toFixed(ratio >= 100 ? 0 : ratio >= 10 ? 1 : 2)}×`;
}
