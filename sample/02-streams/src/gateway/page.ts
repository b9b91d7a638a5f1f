/** Reads `/lines` as a stream, so that the browser, too, takes no more than it can show. */
export const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Lines</title>
<style>
  body { font: 1rem/1.4 system-ui; margin: 2rem auto; max-width: 45rem; padding: 0 1rem }
  pre { background: #8881; min-height: 24em; overflow: hidden; padding: 1em }
</style>
<h1>Lines of a large file</h1>
<p>
  <button id="start">Start</button>
  <button id="stop" disabled>Stop</button>
  <output id="count">0 lines</output>
</p>
<p>Stop, or close the page, and see the terminal: the service stops reading the file.</p>
<pre id="lines"></pre>
<script type="module">
  const [start, stop, count, shown] = ['start', 'stop', 'count', 'lines'].map((id) => document.getElementById(id));
  let reading;

  start.onclick = async () => {
    reading = new AbortController();
    start.disabled = !(stop.disabled = false);
    try {
      await show(await fetch('/lines', { signal: reading.signal }));
    } catch (error) {
      if (error.name !== 'AbortError') shown.textContent = error.message;
    }
    stop.disabled = !(start.disabled = false);
  };
  stop.onclick = () => reading.abort();

  async function show(response) {
    if (!response.ok) throw new Error((await response.json()).message);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let lines = 0;
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      lines += value.split('\\n').length - 1;
      text = (text + value).slice(-2000);
      count.value = lines.toLocaleString() + ' lines';
      shown.textContent = text.split('\\n').slice(-17).join('\\n');
      await new Promise(requestAnimationFrame);
    }
  }
</script>
</html>
`;
