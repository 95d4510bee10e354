// What people paste to have explained: a curl command, or a request as HTTP/1.1 writes it.

// readRequest gives {method, url, headers, body}, or null where the text is neither.
export function readRequest(source) {
	const s = source.trim();
	if (/^curl\s/.test(s)) return curl(s);
	if (/^[A-Z]{3,10} \S+( HTTP\/[\d.]+)?\r?\n/.test(s)) return http(s);
	return null;
}

function http(s) {
	const [head, ...rest] = s.split(/\r?\n\r?\n/);
	const [first, ...lines] = head.split(/\r?\n/);
	const [method, target] = first.split(' ');
	const host = lines.map((l) => l.match(/^host:\s*(.+)$/i)).find(Boolean)?.[1]?.trim() ?? '';
	const url = /^https?:/.test(target) ? target : host ? `https://${host}${target}` : target;
	return { method, url, headers: lines.join('\n'), body: rest.join('\n\n') };
}

function curl(s) {
	const words = split(s).slice(1);
	const out = { method: '', url: '', headers: [], body: [] };
	const data = ['-d', '--data', '--data-raw', '--data-binary', '--data-ascii', '--data-urlencode', '--json'];
	const other = ['-o', '--output', '-u', '--user', '-x', '--proxy', '--cacert', '-m', '--max-time', '-e', '--referer', '--connect-timeout', '-w'];
	for (let i = 0; i < words.length; i++) {
		const w = words[i];
		if (w === '-X' || w === '--request') out.method = words[++i] ?? '';
		else if (/^-X[A-Z]/.test(w)) out.method = w.slice(2);
		else if (w === '-H' || w === '--header') out.headers.push(words[++i] ?? '');
		else if (w === '-A' || w === '--user-agent') out.headers.push(`User-Agent: ${words[++i] ?? ''}`);
		else if (w === '-b' || w === '--cookie') out.headers.push(`Cookie: ${words[++i] ?? ''}`);
		else if (data.includes(w)) out.body.push(words[++i] ?? '');
		else if (w === '-I' || w === '--head') out.method = 'HEAD';
		else if (w === '--url') out.url = words[++i] ?? '';
		else if (other.includes(w)) i++;
		else if (!w.startsWith('-') && !out.url) out.url = w;
	}
	const url = /^https?:\/\//.test(out.url) ? out.url : `http://${out.url}`;
	return { method: out.method || (out.body.length ? 'POST' : 'GET'), url, headers: out.headers.join('\n'), body: out.body.join('&') };
}

// split cuts a shell line into words: quotes, $'…' and backslashes.
function split(s) {
	const words = [];
	let word = '';
	let open = false;
	for (let i = 0; i < s.length; i++) {
		const c = s[i];
		if (c === "'" || (c === '$' && s[i + 1] === "'")) {
			const escaped = c === '$';
			i += escaped ? 2 : 1;
			while (i < s.length && s[i] !== "'") {
				if (escaped && s[i] === '\\') { i++; word += { n: '\n', t: '\t', r: '\r' }[s[i]] ?? s[i]; } else word += s[i];
				i++;
			}
			open = true;
		} else if (c === '"') {
			i++;
			while (i < s.length && s[i] !== '"') { if (s[i] === '\\' && '"\\$`'.includes(s[i + 1])) i++; word += s[i++]; }
			open = true;
		} else if (c === '\\') {
			i++;
			if (s[i] === '\r') i++;
			if (s[i] !== '\n') { word += s[i] ?? ''; open = true; }
		} else if (/\s/.test(c)) {
			if (open) words.push(word);
			word = '';
			open = false;
		} else { word += c; open = true; }
	}
	if (open) words.push(word);
	return words;
}
