// Charts by uPlot: stacked bars, one a day. The values are also a table for screen readers.
import { html, useEffect, useRef, useState } from './lib.js';
import { text } from './text.js';
import { bytes, number, onDay } from './words.js';
import uPlot from './vendor/uplot.js';

function sheet() {
	if (document.querySelector('link[data-uplot]')) return;
	const node = document.createElement('link');
	node.rel = 'stylesheet';
	node.href = new URL('vendor/uplot.css', document.baseURI).pathname;
	node.dataset.uplot = '';
	document.head.append(node);
}

const colours = { generalized: 'soft', dropped: 'drop', passed: 'pass', held: 'hold', refused: 'refuse', failed: 'failed', fields_held_back: 'drop', fields_changed: 'soft', tunnel_bytes: 'hold' };
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// DayChart stacks the columns named in `series` of the days. unit is 'bytes' or nothing.
export default function DayChart({ days, series, unit, label }) {
	const room = useRef(null);
	const [at, setAt] = useState(null);
	const say = unit === 'bytes' ? bytes : number;
	const total = days.reduce((sum, d) => sum + series.reduce((s, name) => s + d[name], 0), 0);

	useEffect(() => {
		const box = room.current;
		if (!box) return undefined; // left before it was drawn
		sheet();
		let plot = null;
		const draw = () => {
			plot?.destroy();
			plot = new uPlot(options(box.clientWidth, days, series, unit, setAt), stacked(days, series), box);
		};
		draw();
		const watch = new ResizeObserver(() => { if (plot && box.clientWidth !== plot.width) plot.setSize({ width: box.clientWidth, height: 190 }); });
		watch.observe(box);
		const dark = matchMedia('(prefers-color-scheme: dark)');
		dark.addEventListener('change', draw);
		addEventListener('themechange', draw);
		return () => {
			watch.disconnect();
			dark.removeEventListener('change', draw);
			removeEventListener('themechange', draw);
			plot?.destroy();
		};
	}, [days, series.join()]);

	const day = at === null ? null : days[at];
	const present = series.filter((name) => days.some((d) => d[name] > 0));
	return html`<div>
		<div class="chart" ref=${room} aria-hidden="true"></div>
		<ul class="legend">
			<li>${day ? html`<b>${onDay(day.day + 'T12:00:00')}</b>` : total === 0 ? text.charts.empty : text.charts.pick}</li>
			${present.map((name) => html`<li key=${name}><span class=${'key ' + name}></span>${text.charts[name]}${day && html` <b>${say(day[name])}</b>`}</li>`)}
		</ul>
		<div class="sr"><table><caption>${label}: ${text.charts.table}</caption><thead><tr><th>${text.charts.day}</th>${series.map((name) => html`<th>${text.charts[name]}</th>`)}</tr></thead><tbody>${days.map((d) => html`<tr><th>${d.day}</th>${series.map((name) => html`<td>${say(d[name])}</td>`)}</tr>`)}</tbody></table></div>
	</div>`;
}

// stacked gives the data as uPlot draws it: each series holds the sum of itself and those below it, the highest first.
function stacked(days, series) {
	const sums = [];
	let below = days.map(() => 0);
	for (const name of series) {
		below = days.map((d, i) => below[i] + d[name]);
		sums.unshift(below);
	}
	return [days.map((_, i) => i), ...sums];
}

function options(width, days, series, unit, setAt) {
	const dim = colour('--dim');
	const line = colour('--line');
	const bars = uPlot.paths.bars({ size: [0.68, 26], radius: 0.12 });
	const axis = { stroke: dim, font: '12px system-ui, sans-serif', grid: { stroke: line, width: 1 }, ticks: { show: false } };
	const names = [...series].reverse();
	return {
		width, height: 190, legend: { show: false }, padding: [10, 6, 0, 0],
		scales: { x: { time: false, range: (u, min, max) => [min - 0.6, max + 0.6] }, y: { range: (u, min, max) => [0, Math.max(unit === 'bytes' ? 1024 : 4, max * 1.05)] } },
		cursor: { y: false, points: { show: false }, drag: { x: false, y: false }, x: true },
		axes: [
			{ ...axis, grid: { show: false }, size: 30, space: 62, incrs: [1, 2, 5, 7, 14], values: (u, ticks) => ticks.map((i) => (days[i] ? onDay(days[i].day + 'T12:00:00') : '')) },
			{ ...axis, size: unit === 'bytes' ? 66 : 46, values: (u, ticks) => ticks.map((v) => (unit === 'bytes' ? bytes(v) : Number.isInteger(v) ? number(v) : '')), ...(unit === 'bytes' ? { incrs: byteSteps() } : {}) },
		],
		series: [{}, ...names.map((name) => ({ fill: colour(`--chart-${colours[name]}`), stroke: colour(`--chart-${colours[name]}`), width: 0, paths: bars, points: { show: false } }))],
		hooks: { setCursor: [(u) => setAt(u.cursor.idx ?? null)] },
	};
}

const byteSteps = () => Array.from({ length: 44 }, (_, i) => 2 ** i);
