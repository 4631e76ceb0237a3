import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: Instant","description":"","frontmatter":{"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/api/latchkey/distributed/interfaces/Instant.html"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/api/latchkey/distributed/interfaces/Instant.html"}],["meta",{"property":"og:title","content":"Interface: Instant"}],["meta",{"property":"og:description","content":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice."}]],"editLink":false,"lastUpdated":false},"headers":[],"relativePath":"api/latchkey/distributed/interfaces/Instant.md","filePath":"site/pages/api/latchkey/distributed/interfaces/Instant.md","lastUpdated":null}');
const _sfc_main = { name: "api/latchkey/distributed/interfaces/Instant.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><p><a href="/api/">latchkey API</a> / <a href="/api/latchkey/distributed/">latchkey/distributed</a> / Instant</p><h1 id="interface-instant" tabindex="-1">Interface: Instant <a class="header-anchor" href="#interface-instant" aria-label="Permalink to &quot;Interface: Instant&quot;">​</a></h1><p>One moment on both clocks, in ms.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><h3 id="monotonic" tabindex="-1">monotonic <a class="header-anchor" href="#monotonic" aria-label="Permalink to &quot;monotonic&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">readonly </span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">monotonic</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">: number;</span></span></code></pre></div><hr><h3 id="wall" tabindex="-1">wall <a class="header-anchor" href="#wall" aria-label="Permalink to &quot;wall&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">readonly </span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">wall</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">: number;</span></span></code></pre></div></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/pages/api/latchkey/distributed/interfaces/Instant.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const Instant = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  Instant as default
};
