// Rows of entries, under a heading for each day.
import { html, link } from './lib.js';
import { text } from './text.js';
import { Verdict, Avatar, Icon } from './parts.js';
import { atClock, dayHeading, subject, sentence, clientOf } from './words.js';

export function Rows({ rows, plain }) {
	const groups = [];
	for (const e of rows) {
		const day = dayHeading(e.time);
		if (groups.at(-1)?.day !== day) groups.push({ day, rows: [] });
		groups.at(-1).rows.push(e);
	}
	return groups.map((g) => html`<div key=${g.day}>${!plain && html`<h3 class="day">${g.day}</h3>`}<ul class="rows">${g.rows.map((e) => html`<${Row} key=${e.id} entry=${e} />`)}</ul></div>`);
}

// Row is one line in plain words: "Plex · playback · video, 95 to 115 min · 14 fields held back".
export function Row({ entry: e }) {
	const pieces = sentence(e);
	const from = clientOf(e);
	return html`<li class=${'row-item' + (e.update ? '' : ' came')}><a class="row" href=${link('entry', e.id)}>
		<time class="time nums" datetime=${e.time}>${atClock(e.time)}</time>
		<${Avatar} name=${subject(e)} id=${e.product} />
		<span class="what grow"><span class="line wrap"><strong>${subject(e)}</strong>${pieces.map((p) => html`<span class="sep" aria-hidden="true"> · </span><span>${p}</span>`)}</span>
			<span class="under small dim wrap">${under(e, from)}</span></span>
		<${Verdict} entry=${e} />
		<${Icon} name="next" small />
	</a></li>`;
}

function under(e, from) {
	const pieces = [];
	if (e.host && subject(e) !== e.host) pieces.push(e.host);
	if (from) pieces.push(from);
	if (e.reason && e.type !== 'event') pieces.push(text.reason[e.reason] ?? e.reason);
	return pieces.join(' · ') || text.door[e.door] || '';
}
