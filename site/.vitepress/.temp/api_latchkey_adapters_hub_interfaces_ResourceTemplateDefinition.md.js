import { ssrRenderAttrs } from "vue/server-renderer";
import { useSSRContext } from "vue";
import { _ as _export_sfc } from "./plugin-vue_export-helper.1tPrXgE0.js";
const __pageData = JSON.parse('{"title":"Interface: ResourceTemplateDefinition","description":"","frontmatter":{"head":[["link",{"rel":"canonical","href":"https://latchkey-js.github.io/latchkey/api/latchkey/adapters/hub/interfaces/ResourceTemplateDefinition.html"}],["meta",{"property":"og:url","content":"https://latchkey-js.github.io/latchkey/api/latchkey/adapters/hub/interfaces/ResourceTemplateDefinition.html"}],["meta",{"property":"og:title","content":"Interface: ResourceTemplateDefinition"}],["meta",{"property":"og:description","content":"Mutex, semaphore and read-write lock for async JavaScript: fair, cancellable with AbortSignal, impossible to release twice."}]],"editLink":false,"lastUpdated":false},"headers":[],"relativePath":"api/latchkey/adapters/hub/interfaces/ResourceTemplateDefinition.md","filePath":"site/pages/api/latchkey/adapters/hub/interfaces/ResourceTemplateDefinition.md","lastUpdated":null}');
const _sfc_main = { name: "api/latchkey/adapters/hub/interfaces/ResourceTemplateDefinition.md" };
function _sfc_ssrRender(_ctx, _push, _parent, _attrs, $props, $setup, $data, $options) {
  _push(`<div${ssrRenderAttrs(_attrs)}><p><a href="/api/">latchkey API</a> / <a href="/api/latchkey/adapters/hub/">latchkey/adapters/hub</a> / ResourceTemplateDefinition</p><h1 id="interface-resourcetemplatedefinition" tabindex="-1">Interface: ResourceTemplateDefinition <a class="header-anchor" href="#interface-resourcetemplatedefinition" aria-label="Permalink to &quot;Interface: ResourceTemplateDefinition&quot;">​</a></h1><p>A template of resources as its server describes it.</p><h2 id="properties" tabindex="-1">Properties <a class="header-anchor" href="#properties" aria-label="Permalink to &quot;Properties&quot;">​</a></h2><h3 id="uritemplate" tabindex="-1">uriTemplate <a class="header-anchor" href="#uritemplate" aria-label="Permalink to &quot;uriTemplate&quot;">​</a></h3><div class="language-ts vp-adaptive-theme"><button title="Copy Code" class="copy"></button><span class="lang">ts</span><pre class="shiki shiki-themes github-light-high-contrast github-dark-high-contrast vp-code" tabindex="0"><code><span class="line"><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">readonly </span><span style="--shiki-light:#702C00;--shiki-dark:#FFB757;">uriTemplate</span><span style="--shiki-light:#0E1116;--shiki-dark:#F0F3F6;">: string;</span></span></code></pre></div><p>As in RFC 6570, such as <code>file:///{path}</code>.</p></div>`);
}
const _sfc_setup = _sfc_main.setup;
_sfc_main.setup = (props, ctx) => {
  const ssrContext = useSSRContext();
  (ssrContext.modules || (ssrContext.modules = /* @__PURE__ */ new Set())).add("site/pages/api/latchkey/adapters/hub/interfaces/ResourceTemplateDefinition.md");
  return _sfc_setup ? _sfc_setup(props, ctx) : void 0;
};
const ResourceTemplateDefinition = /* @__PURE__ */ _export_sfc(_sfc_main, [["ssrRender", _sfc_ssrRender]]);
export {
  __pageData,
  ResourceTemplateDefinition as default
};
