/**
 * The drawing has a ground of its own, so that it can be read on whatever is behind it; where the reader likes it dark,
 * so is the ground.
 */
export const STYLE = `
text { font: 11px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #1f2328; }
.panel { fill: #ffffff; stroke: #d1d9e0; }
.title { font-size: 17px; font-weight: 600; }
.name { font-size: 12px; font-weight: 600; }
.note, .tick { fill: #59636e; font-size: 10px; }
.tick { text-anchor: middle; }
.value { text-anchor: end; }
.subject { font-weight: 600; }
.grid { stroke: #d1d9e0; }
.one { stroke: #59636e; }
.whisker { stroke: #1f2328; stroke-width: 1.2; }
.ours { fill: #1f77d0; }
.nest { fill: #d6336c; }
.other { fill: #e8890c; }
.floor { fill: #8b949e; }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc; }
  .panel { fill: #0d1117; stroke: #3d444d; }
  .note, .tick { fill: #9198a1; }
  .grid { stroke: #2a3038; }
  .one { stroke: #9198a1; }
  .whisker { stroke: #f0f6fc; }
  .ours { fill: #4493f8; }
  .nest { fill: #db61a2; }
  .other { fill: #d29922; }
  .floor { fill: #6e7681; }
}
`;
