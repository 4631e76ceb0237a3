import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: DiagnosticsChannelLike","description":"","frontmatter":{"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/api/latchkey/monitor/interfaces/DiagnosticsChannelLike.html"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/api/latchkey/monitor/interfaces/DiagnosticsChannelLike.html"}],["meta",{"property":"og:title","content":"Interface: DiagnosticsChannelLike"}],["meta",{"property":"og:description","content":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice."}]],"editLink":false,"lastUpdated":false},"headers":[],"relativePath":"api/latchkey/monitor/interfaces/DiagnosticsChannelLike.md","filePath":"site/pages/api/latchkey/monitor/interfaces/DiagnosticsChannelLike.md","lastUpdated":null}');
const _sfc_main = { name: "api/latchkey/monitor/interfaces/DiagnosticsChannelLike.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><p><a href="/api/">latchkey API</a> / <a href="/api/latchkey/monitor/">latchkey/monitor</a> / DiagnosticsChannelLike</p><h1 id="interface-diagnosticschannellike" tabindex="-1">Interface: DiagnosticsChannelLike <a class="header-anchor" href="#interface-diagnosticschannellike" aria-label="Permalink to &quot;Interface: DiagnosticsChannelLike&quot;">​</a></h1><p>The part of <code>node:diagnostics_channel</code> that is used.</p><h2 id="methods" tabindex="-1">Methods <a class="header-anchor" href="#methods" aria-label="Permalink to &quot;Methods&quot;">​</a></h2><h3 id="channel" tabindex="-1">channel() <a class="header-anchor" href="#channel" aria-label="Permalink to &quot;channel()&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#622CBC;--shiki-dark:#DBB7FF;">channel</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">(name): ChannelLike;</span></span></code></pre></div><p>The channel of a name.</p><h4 id="parameters" tabindex="-1">Parameters <a class="header-anchor" href="#parameters" aria-label="Permalink to &quot;Parameters&quot;">​</a></h4><table tabindex="0"><thead><tr><th>Parameter</th><th>Type</th></tr></thead><tbody><tr><td><code>name</code></td><td><code>string</code></td></tr></tbody></table><h4 id="returns" tabindex="-1">Returns <a class="header-anchor" href="#returns" aria-label="Permalink to &quot;Returns&quot;">​</a></h4><p><a href="/api/latchkey/monitor/interfaces/ChannelLike.html"><code>ChannelLike</code></a></p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/pages/api/latchkey/monitor/interfaces/DiagnosticsChannelLike.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const DiagnosticsChannelLike = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  DiagnosticsChannelLike as default
};
