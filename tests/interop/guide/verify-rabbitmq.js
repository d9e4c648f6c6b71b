// The guide's verify-rabbitmq.ps1, call by call and filter by filter (PowerShell's -like "vss.*" is a prefix).
const rabbitUrl = `${process.env.RABBITMQ_API}/api`;
const vhost = '%2Fvss';
const headers = { Authorization: 'Basic ' + btoa(process.env.RABBITMQ_LOGIN) };
const ask = async (path) => await (await fetch(`${rabbitUrl}/${path}`, { headers })).json();
const like = (text) => text.startsWith('vss.');

(async () => {
    console.log('📮 Exchanges:');
    (await ask(`exchanges/${vhost}`)).filter((each) => like(each.name)).forEach((each) => {
        console.log(`  ✓ ${each.name} [${each.type}]`);
    });
    console.log('📦 Queues:');
    (await ask(`queues/${vhost}`)).filter((each) => like(each.name)).forEach((each) => {
        console.log(`  ✓ ${each.name} - Сообщений: ${each.messages}, Потребителей: ${each.consumers}`);
    });
    console.log('🔗 Bindings:');
    (await ask(`bindings/${vhost}`)).filter((each) => like(each.source)).forEach((each) => {
        console.log(`  ✓ ${each.source} → ${each.destination} [${each.routing_key}]`);
    });
    console.log('✅ Проверка завершена!');
})();
