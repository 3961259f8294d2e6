"""A page that reads /openapi.json and shows it to people. No build step, nothing from outside."""

PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Jishi API</title>
<style>
:root{color-scheme:light dark;--ink:#1c2321;--soft:#5b6b66;--line:#dde5e2;--paper:#fff;--tint:#f3f7f5}
@media(prefers-color-scheme:dark){:root{--ink:#e7efec;--soft:#9bb0a9;--line:#2b3835;--paper:#121917;--tint:#1a2421}}
body{margin:0;font:15px/1.6 system-ui,"PingFang SC","Microsoft YaHei",sans-serif;color:var(--ink);background:var(--paper)}
main{max-width:60rem;margin:auto;padding:2rem 1rem}h1{font-size:1.6rem}h2{margin-top:2.4rem;border-bottom:1px solid var(--line)}
details{border:1px solid var(--line);border-radius:.6rem;margin:.5rem 0;overflow:hidden}
summary{display:flex;gap:.8rem;align-items:baseline;padding:.55rem .9rem;cursor:pointer;background:var(--tint)}
summary code{font-weight:600}summary span{color:var(--soft)}
b.m{font:600 .75rem ui-monospace,monospace;min-width:3.6rem;padding:.1rem 0;text-align:center;border-radius:.3rem;color:#fff}
.get{background:#0b7a75}.post{background:#b7791f}.put{background:#4a5fc1}.delete{background:#b23a48}
section{padding:.4rem 1rem 1rem}pre{background:var(--tint);padding:.7rem;border-radius:.4rem;overflow:auto;font-size:.8rem}
table{border-collapse:collapse;width:100%}td{border-top:1px solid var(--line);padding:.25rem .6rem .25rem 0;vertical-align:top}
input{width:100%;padding:.6rem .9rem;border:1px solid var(--line);border-radius:.6rem;background:var(--paper);color:inherit;font:inherit}
</style><main><h1>Jishi 集市 · API</h1><p><a href="/openapi.json">openapi.json</a></p>
<input id="find" placeholder="筛选 · filter: order, /v1/stores, 401 …"><div id="all">…</div></main>
<script>
const el=(tag,text,cls)=>{const e=document.createElement(tag);if(text!==undefined)e.textContent=text;if(cls)e.className=cls;return e}
const resolve=(s,doc,deep=0)=>{if(!s||deep>6)return s;if(s.$ref)return resolve(doc.components.schemas[s.$ref.split("/").pop()],doc,deep+1);
if(Array.isArray(s))return s.map(x=>resolve(x,doc,deep));if(typeof s!=="object")return s;
const o={};for(const[k,v]of Object.entries(s))if(k!=="title")o[k]=resolve(v,doc,deep+1);return o}
fetch("/openapi.json").then(r=>r.json()).then(doc=>{const all=document.getElementById("all");all.textContent="";
const tags={};for(const[path,ops]of Object.entries(doc.paths))for(const[method,op]of Object.entries(ops))(tags[op.tags[0]]??=[]).push([path,method,op]);
for(const tag of Object.keys(tags).sort()){const group=el("div");group.append(el("h2",tag));for(const[path,method,op]of tags[tag]){
const d=el("details"),s=el("summary");s.append(el("b",method.toUpperCase(),"m "+method),el("code",path),el("span",op.summary));d.append(s);
d.dataset.text=(path+" "+method+" "+op.summary+" "+Object.keys(op.responses).join(" ")).toLowerCase();
d.addEventListener("toggle",()=>{if(d.querySelector("section"))return;const box=el("section");if(op.description)box.append(el("p",op.description));
if(op.security)box.append(el("p","Bearer: "+op.security.map(x=>Object.keys(x)[0]||"—").join(" / ")));
if(op.parameters.length){const t=el("table");for(const p of op.parameters){const r=el("tr");r.append(el("td",p.name+(p.required?" *":"")),el("td",p.in),el("td",JSON.stringify(resolve(p.schema,doc))));t.append(r)}box.append(t)}
if(op.requestBody)box.append(el("h4","Body"),el("pre",JSON.stringify(resolve(op.requestBody.content["application/json"].schema,doc),null,1)));
for(const[code,r]of Object.entries(op.responses)){box.append(el("h4",code+" "+r.description));const c=r.content?.["application/json"];if(c)box.append(el("pre",JSON.stringify(resolve(c.schema,doc),null,1)))}
d.append(box)});group.append(d)}all.append(group)}
document.getElementById("find").addEventListener("input",e=>{const q=e.target.value.toLowerCase();for(const d of document.querySelectorAll("details"))d.hidden=!d.dataset.text.includes(q)})})
</script></html>"""
